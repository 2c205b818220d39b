import type { DataFile } from '../data-file.ts';
import { FanlakeError } from '../errors.ts';
import type { Action, AddFile, MetaData } from './actions.ts';
import type { Appending } from './conflicts.ts';
import { encodeDataPath } from './data-path.ts';
import type { DeltaStruct } from './delta-types.ts';
import { partitionValueOf } from './partition-value.ts';
import { decodeSchema, encodeSchema, isWithoutColumns } from './schema.ts';
import { ourProtocol } from './writable.ts';

/** A finished epoch of a run that is to be committed by `append`. */
export interface CommitMember extends Appending {
  readonly files: readonly DataFile[];
  /** Keys of the objects that its rows come from, for the files' tags. */
  readonly sources: readonly string[];
  /** Why it can't be committed any more, unless it is: what it is made of is gone. */
  readonly lost: FanlakeError | null;
}

/** What a commit needs that isn't decided here. */
export interface CommitStamp {
  /** Milliseconds since 1970 UTC. */
  readonly nowMs: number;
  /** Unlike any other, so that a 412 on our own retried put can be told from another's entry. */
  readonly txnId: string;
  /** A UUID, used when the entry creates the table. */
  readonly tableId: string;
  /** Fanlake's version. */
  readonly engineVersion: string;
}

/** The application id of an epoch's transaction: it is in the log once at most. */
export function appIdOf(run: string, epoch: number): string {
  return `${run}/e${epoch}`;
}

/** The most that the sources of one run take in each file's tags, in characters of JSON. */
const maxSourcesLength = 1000;

/** As many sources as fit, and how many there are in all. */
function sourceTags(sources: readonly string[]): Record<string, string> {
  const shown: string[] = [];
  let length = 2;
  for (const source of sources) {
    length += JSON.stringify(source).length + 1;
    if (length > maxSourcesLength && shown.length > 0) break;
    shown.push(source);
  }
  const tags = { 'fanlake.sources': JSON.stringify(shown) };
  return shown.length === sources.length ? tags : { ...tags, 'fanlake.sourceCount': String(sources.length) };
}

/** The file's lake partition as the log carries it: a value for each of the table's partition columns. */
function partitionValues(file: DataFile, table: DeltaStruct, partitionColumns: readonly string[]): Record<string, string | null> {
  return Object.fromEntries(
    partitionColumns.map((column) => {
      const field = table.fields.find(({ name }) => name === column);
      const found = file.partition.find((value) => value.column === column);
      if (field === undefined || found === undefined) {
        throw new FanlakeError('internal', `the data file '${file.path}' has no value of the partition column '${column}'`, {
          path: file.path,
        });
      }
      return [column, partitionValueOf(field.type, found.value, column)] as const;
    }),
  );
}

function addOf(file: DataFile, member: CommitMember, table: DeltaStruct): AddFile {
  return {
    path: encodeDataPath(file.path),
    partitionValues: partitionValues(file, table, member.partitionColumns),
    size: file.sizeBytes,
    modificationTime: file.modifiedMs,
    dataChange: true,
    stats: file.stats,
    tags: { 'fanlake.run': member.run, 'fanlake.epoch': String(member.epoch), ...sourceTags(member.sources) },
  };
}

export function commitInfo(members: readonly CommitMember[], partitionColumns: readonly string[], stamp: CommitStamp): Action {
  const files = members.flatMap((member) => member.files);
  const sum = (figure: (file: DataFile) => number) => String(files.reduce((total, file) => total + figure(file), 0));
  return {
    commitInfo: {
      timestamp: stamp.nowMs,
      operation: 'WRITE',
      operationParameters: { mode: 'Append', partitionBy: JSON.stringify(partitionColumns) },
      operationMetrics: {
        numFiles: String(files.length),
        numOutputRows: sum((file) => file.rows),
        numOutputBytes: sum((file) => file.sizeBytes),
      },
      isBlindAppend: true,
      engineInfo: `fanlake/${stamp.engineVersion}`,
      txnId: stamp.txnId,
    },
  };
}

/**
 * The lines that make the table that a member needs; none where it is there. A member that is only shut out needs one without columns: it has no rows, and whoever
 * has the first ones says what they are.
 */
export function creationFor(member: CommitMember, existing: MetaData | null, stamp: CommitStamp): readonly Action[] {
  const made = (schema: DeltaStruct, partitionColumns: readonly string[]): MetaData => ({
    ...(existing ?? { id: stamp.tableId, format: { provider: 'parquet', options: {} }, configuration: {} }),
    schemaString: encodeSchema(schema),
    partitionColumns,
    createdTime: stamp.nowMs,
  });
  const isThere = member.lost === null ? !isWithoutColumns(existing) : existing !== null;
  if (isThere) return [];
  const metaData = member.lost === null ? made(member.schema, member.partitionColumns) : made({ type: 'struct', fields: [] }, []);
  return existing === null ? [{ protocol: ourProtocol }, { metaData }] : [{ metaData }];
}

/** A member's own lines of the entry. */
export function actionsOf(member: CommitMember, table: MetaData, stamp: CommitStamp): readonly Action[] {
  const schema = decodeSchema(table.schemaString);
  return [
    { txn: { appId: appIdOf(member.run, member.epoch), version: 1, lastUpdated: stamp.nowMs } },
    ...member.files.map((file) => ({ add: addOf(file, member, schema) })),
  ];
}
