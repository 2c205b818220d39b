import type { SchemaElement } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { AddFile, RemoveFile } from '../core/table-log/actions.ts';
import type { CheckpointAction } from '../core/table-log/checkpoint.ts';

type Repetition = 'OPTIONAL' | 'REQUIRED';

const text = (name: string, repetition_type: Repetition = 'OPTIONAL'): SchemaElement => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  repetition_type,
});
const long = (name: string): SchemaElement => ({ name, type: 'INT64', repetition_type: 'OPTIONAL' });
const integer = (name: string): SchemaElement => ({ name, type: 'INT32', repetition_type: 'OPTIONAL' });
const boolean = (name: string): SchemaElement => ({ name, type: 'BOOLEAN', repetition_type: 'OPTIONAL' });

/** A map of texts, in Parquet's three levels. */
const map = (name: string): readonly SchemaElement[] => [
  { name, converted_type: 'MAP', repetition_type: 'OPTIONAL', num_children: 1 },
  { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 },
  text('key', 'REQUIRED'),
  text('value'),
];

const list = (name: string): readonly SchemaElement[] => [
  { name, converted_type: 'LIST', repetition_type: 'OPTIONAL', num_children: 1 },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  text('element'),
];

/** A struct of fields, each given with all that is below it. */
const struct = (name: string, ...fields: readonly (readonly SchemaElement[] | SchemaElement)[]): readonly SchemaElement[] => [
  { name, repetition_type: 'OPTIONAL', num_children: fields.length },
  ...fields.flat(),
];

/**
 * The columns of a checkpoint (Delta protocol, "Checkpoint Schema"): those of the first kind and of tables without features, which are the only ones
 * that we write.
 */
const columns = {
  protocol: struct('protocol', integer('minReaderVersion'), integer('minWriterVersion')),
  metaData: struct(
    'metaData',
    text('id'),
    text('name'),
    text('description'),
    struct('format', text('provider'), map('options')),
    text('schemaString'),
    list('partitionColumns'),
    map('configuration'),
    long('createdTime'),
  ),
  txn: struct('txn', text('appId'), long('version'), long('lastUpdated')),
  add: struct(
    'add',
    text('path'),
    map('partitionValues'),
    long('size'),
    long('modificationTime'),
    boolean('dataChange'),
    text('stats'),
    map('tags'),
  ),
  remove: struct(
    'remove',
    text('path'),
    long('deletionTimestamp'),
    boolean('dataChange'),
    boolean('extendedFileMetadata'),
    map('partitionValues'),
    long('size'),
  ),
} as const;

type ColumnName = keyof typeof columns;

const columnNames = Object.keys(columns) as readonly ColumnName[];

const schema: SchemaElement[] = [{ name: 'root', num_children: columnNames.length }, ...columnNames.flatMap((name) => columns[name])];

/** Parquet's 64-bit integers are bigints here. */
const big = (value: number | undefined): bigint | undefined => (value === undefined ? undefined : BigInt(Math.trunc(value)));

const addValue = (file: AddFile) => ({ ...file, size: big(file.size), modificationTime: big(file.modificationTime) });
const removeValue = (file: RemoveFile) => ({ ...file, size: big(file.size), deletionTimestamp: big(file.deletionTimestamp) });

/** The one column that an action fills, and its value. */
function cell(action: CheckpointAction): readonly [column: ColumnName, value: object] {
  if ('protocol' in action) return ['protocol', action.protocol];
  if ('metaData' in action) return ['metaData', { ...action.metaData, createdTime: big(action.metaData.createdTime) }];
  if ('txn' in action) return ['txn', { ...action.txn, version: big(action.txn.version), lastUpdated: big(action.txn.lastUpdated) }];
  return 'add' in action ? ['add', addValue(action.add)] : ['remove', removeValue(action.remove)];
}

/** Rows of a row group: what is encoded at once, so that the whole is never there twice. */
const rowsAtOnce = 20_000;

export interface EncodedCheckpoint {
  readonly bytes: Uint8Array;
  readonly actions: number;
  readonly files: number;
}

/** A checkpoint in one Parquet file, compressed with Snappy, which every reader of Delta knows. */
export function encodeCheckpoint(actions: Iterable<CheckpointAction>): EncodedCheckpoint {
  const writer = new ByteWriter();
  const parquet = new ParquetWriter({ writer, schema, codec: 'SNAPPY', statistics: false, createdBy: 'fanlake' });
  let [count, files] = [0, 0];
  let cells: ReturnType<typeof cell>[] = [];
  const writeGroup = (): void => {
    const columnData = columnNames.map((name) => ({
      name,
      data: cells.map(([column, value]) => (column === name ? value : null)),
      offsetIndex: false,
    }));
    // answers a promise only for a writer with flush, which this one isn't
    void parquet.write({ columnData, rowGroupSize: rowsAtOnce });
    cells = [];
  };
  for (const action of actions) {
    cells.push(cell(action));
    count += 1;
    if ('add' in action) files += 1;
    if (cells.length === rowsAtOnce) writeGroup();
  }
  if (cells.length > 0) writeGroup();
  void parquet.finish();
  return { bytes: writer.getBytes(), actions: count, files };
}
