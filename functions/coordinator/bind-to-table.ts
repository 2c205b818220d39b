import { FanlakeError } from '../core/errors.ts';
import type { Inspector } from '../core/inspector.ts';
import type { Job } from '../core/job.ts';
import { answersPrefix, manifestPrefix } from '../core/keys.ts';
import type { Column, InputColumn } from '../core/layout.ts';
import type { PlannedTable } from '../core/plan.ts';
import { storedType } from '../core/planner/stored-type.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { BoundQuery } from '../core/query.ts';
import type { SideTable } from '../core/side-table.ts';
import { answerNames, tableNames } from '../core/table-log/column-names.ts';
import { type DeltaStruct, storeAs } from '../core/table-log/delta-types.ts';
import { checkPartitionColumns, checkSamePartitions } from '../core/table-log/partition-columns.ts';
import { columnsOf, decodeSchema, type FittedColumn, fitColumns, isWithoutColumns, schemaOf } from '../core/table-log/schema.ts';
import { checkWritable } from '../core/table-log/writable.ts';
import type { TableLogs } from '../protocol/table-logs.ts';

/** What an existing table demands. */
export interface ExistingTable {
  readonly schema: DeltaStruct;
  readonly partitionColumns: readonly string[];
}

/**
 * The table as it is, or null when there is none.
 * @throws FanlakeError `table.unsupported` for a table that we may not write to, or of the other format in the same folder
 */
export async function existingTable(lake: ObjectStore, logs: TableLogs, job: Job, table: string): Promise<ExistingTable | null> {
  const snapshot = await logs.of(table).refresh();
  // a folder with a Delta log never gets a manifest: nobody needs to look for one
  const isDelta = job.table.format === 'delta' && snapshot.version >= 0;
  const [found] = isDelta ? [] : (await lake.listKeys({ prefix: manifestPrefix(table), limit: 1 })).keys;
  const other = job.table.format === 'parquet' ? snapshot.version >= 0 : found !== undefined;
  if (other) throw otherFormat(job);
  if (job.table.format === 'parquet') return found === undefined ? null : tableOfManifest(lake, found);
  checkWritable(snapshot, job.table.mode, `the table '${job.table.name}'`);
  if (snapshot.metaData === null || isWithoutColumns(snapshot.metaData)) return null;
  return { schema: decodeSchema(snapshot.metaData.schemaString), partitionColumns: snapshot.metaData.partitionColumns };
}

function otherFormat({ table: { name, format } }: Job): FanlakeError {
  const is = format === 'parquet' ? 'a Delta table' : 'a table of plain Hive folders';
  return new FanlakeError(
    'table.unsupported',
    `the table '${name}' is ${is}, and the job's table.format is '${format}': rows of both in one folder would hide each other. Use the table's format, or another table.`,
    { format },
  );
}

/** A Hive table's columns, as the run wrote them that the manifest is of: all runs of a table agree. */
async function tableOfManifest(lake: ObjectStore, key: string): Promise<ExistingTable | null> {
  const object = await lake.get(key);
  if (object === null) return null;
  const { columns, partitionBy } = JSON.parse(Buffer.from(object.body).toString('utf8')) as Pick<PlannedTable, 'columns' | 'partitionBy'>;
  return { schema: schemaOf(columns), partitionColumns: partitionBy };
}

export interface BoundToTable {
  readonly query: BoundQuery;
  readonly columns: readonly InputColumn[];
  readonly table: PlannedTable;
}

export interface BindRequest {
  readonly inspector: Inspector;
  readonly job: Job;
  readonly table: string;
  readonly existing: ExistingTable | null;
  readonly columns: readonly InputColumn[];
  readonly sides: readonly SideTable[];
}

/**
 * Binds the job's query to the input and to its table. An existing table's types win for columns that the job doesn't declare: an input column
 * that goes through unchanged gets the table's type, and what doesn't fit it is a bad row.
 * @throws FanlakeError `query.*`, `table.*`
 */
export async function bindToTable({ inspector, job, table, existing, columns, sides }: BindRequest): Promise<BoundToTable> {
  if (job.table.mode !== 'append') {
    throw new FanlakeError('not-built', `The table mode '${job.table.mode}' is not built yet; 'append' is.`);
  }
  const first = await inspector.bindQuery(job.query, columns, sides);
  const retyped = existing === null ? columns : retype(columns, first, job, existing.schema);
  const query = retyped === columns ? first : await inspector.bindQuery(job.query, retyped, sides);
  const isAnswer = table.startsWith(answersPrefix);
  const named = isAnswer ? answerNames(query.output) : tableNames(query.output, job.table.columnNames);
  const output = named.map(({ name, type }) => ({ name, type }));
  const fitted = isAnswer ? answerColumns(output) : fitColumns(output, existing?.schema ?? null);
  const tableColumns = fitted.map(({ name, type, castTo }) => ({ name, type, castTo }));
  const partitionBy = partitionColumns(job, named, existing);
  checkPartitionColumns(partitionBy, schemaOf(tableColumns));
  return { query, columns: retyped, table: { key: table, format: job.table.format, partitionBy, columns: tableColumns } };
}

/** Columns of a question's answer, which is cast back to the query's types when it is printed: what no table holds as it is (an INTERVAL, 39 digits) is kept as text. */
function answerColumns(columns: readonly Column[]): readonly FittedColumn[] {
  const kept = columns.map(({ name, type }) => ({ name, type: keptAs(name, storedType(type)) }));
  return fitColumns(kept, null).map((fitted, index) => ({
    ...fitted,
    castTo: fitted.castTo ?? (fitted.type === columns[index]?.type ? null : fitted.type),
  }));
}

function keptAs(name: string, type: string): string {
  try {
    storeAs(type, name);
    return type;
  } catch (thrown) {
    if (thrown instanceof FanlakeError && thrown.code === 'table.type') return 'VARCHAR';
    throw thrown;
  }
}

/** Names as the user wrote them or as they were cleaned; what isn't said about an existing table is what the table has. */
function partitionColumns(job: Job, named: readonly { source: string; name: string }[], existing: ExistingTable | null): readonly string[] {
  const wanted = job.table.partitionBy.map((name) => named.find(({ source }) => source === name)?.name ?? name);
  if (existing === null) return wanted;
  if (wanted.length > 0) checkSamePartitions(wanted, existing.partitionColumns);
  return existing.partitionColumns;
}

/** Input columns with the table's types where the query hands them through and the job declares no type. */
function retype(columns: readonly InputColumn[], query: BoundQuery, job: Job, schema: DeltaStruct): readonly InputColumn[] {
  const wanted = new Map(columnsOf(schema).map(({ name, type }) => [name.toLowerCase(), type]));
  const named = tableNames(query.output, job.table.columnNames);
  const types = new Map<string, string>();
  for (const { source, name } of named) {
    const input = query.passThrough[source];
    const type = wanted.get(name.toLowerCase());
    if (input !== undefined && type !== undefined) types.set(input, type);
  }
  const typeOf = ({ name, type, declared }: InputColumn): string => (declared ? type : (types.get(name) ?? type));
  const changed = columns.some((column) => typeOf(column) !== column.type);
  return changed ? columns.map((column) => ({ ...column, type: typeOf(column) })) : columns;
}
