import { type FileMetaData, parquetMetadata, parquetReadObjects, parquetSchema } from 'hyparquet';
import { FanlakeError } from '../core/errors.ts';
import { logPrefix } from '../core/keys.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { Action } from '../core/table-log/actions.ts';
import { decodeCheckpointRow, decodeEntry } from '../core/table-log/log-entry.ts';
import { entryName, type WholeCheckpoint } from '../core/table-log/log-names.ts';
import { type LogEntry, type Snapshot, snapshotOfCheckpoint } from '../core/table-log/snapshot.ts';
import { codecs } from './parquet-codecs.ts';

/** An entry, and the stored version of its object. */
export interface ReadEntry extends LogEntry {
  readonly tag: string;
}

/** Null when the store has none of that version. */
export async function readEntry(lake: ObjectStore, table: string, version: number): Promise<ReadEntry | null> {
  const name = entryName(version);
  const object = await lake.get(`${logPrefix(table)}${name}`);
  if (object === null) return null;
  return { version, tag: object.version, actions: decodeEntry(Buffer.from(object.body).toString('utf8'), name) };
}

/** Rows that are decoded at once: a decoded row takes five times the memory of its action. */
const rowsAtOnce = 20_000;

/** Columns that a snapshot without files needs. */
const withoutFiles: ReadonlySet<string> = new Set(['protocol', 'metaData', 'txn', 'sidecar']);

export interface CheckpointReading {
  /** Whether the snapshot has the lists of files; without them only the other columns are decoded. */
  readonly keepFiles: boolean;
  /** Null is answered for a checkpoint with more rows, or more bytes before compression. */
  readonly most?: { readonly actions: number; readonly bytes: number };
}

/**
 * The snapshot that a checkpoint is.
 * @throws FanlakeError `table.corrupt`, `table.unsupported`
 */
export async function readCheckpoint(
  lake: ObjectStore,
  table: string,
  checkpoint: WholeCheckpoint,
  { keepFiles, most }: CheckpointReading,
): Promise<Snapshot | null> {
  const actions: Action[] = [];
  let [rows, bytes] = [0, 0];
  for (const name of checkpoint.names) {
    const file = await openFile(lake, table, name);
    rows += file.rows;
    bytes += file.metadata.row_groups.reduce((sum, group) => sum + Number(group.total_byte_size), 0);
    if (most !== undefined && (rows > most.actions || bytes > most.bytes)) return null;
    for await (const action of actionsIn(file, keepFiles)) actions.push(action);
  }
  return snapshotOfCheckpoint(checkpoint.version, actions, keepFiles);
}

/**
 * The actions of all rows of a checkpoint, holding a file of it at a time.
 * @throws FanlakeError `table.corrupt` when a file is gone or can't be read
 */
export async function* storedActions(lake: ObjectStore, table: string, { names }: WholeCheckpoint): AsyncGenerator<Action> {
  for (const name of names) yield* actionsIn(await openFile(lake, table, name), true);
}

interface CheckpointFile {
  readonly name: string;
  readonly file: ArrayBuffer;
  readonly metadata: FileMetaData;
  readonly rows: number;
  /** The error of one that can't be read. */
  readonly unreadable: (cause: unknown) => FanlakeError;
}

async function openFile(lake: ObjectStore, table: string, name: string): Promise<CheckpointFile> {
  const object = await lake.get(`${logPrefix(table)}${name}`);
  if (object === null) throw new FanlakeError('table.corrupt', `The checkpoint ${name} of ${lake.locate(table)} is gone.`);
  const { buffer, byteOffset, byteLength } = object.body;
  const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
  const unreadable = (cause: unknown): FanlakeError => {
    if (cause instanceof FanlakeError) return cause;
    const found = cause instanceof Error ? cause.message : String(cause);
    const message = `The checkpoint ${name} of ${lake.locate(table)} can't be read: ${found}. Repair the table with the tool that wrote it.`;
    return new FanlakeError('table.corrupt', message, {}, cause);
  };
  try {
    const metadata = parquetMetadata(file);
    return { name, file, metadata, rows: Number(metadata.num_rows), unreadable };
  } catch (cause) {
    throw unreadable(cause);
  }
}

/** The actions of a checkpoint's file. */
async function* actionsIn({ name, file, metadata, rows, unreadable }: CheckpointFile, keepFiles: boolean): AsyncGenerator<Action> {
  const all = parquetSchema(metadata).children.map(({ element }) => element.name);
  const columns = keepFiles ? all : all.filter((column) => withoutFiles.has(column));
  for (let rowStart = 0; rowStart < rows; rowStart += rowsAtOnce) {
    const rowEnd = Math.min(rows, rowStart + rowsAtOnce);
    const found = await parquetReadObjects({ file, metadata, columns, rowStart, rowEnd, compressors: codecs }).catch((cause: unknown) => {
      throw unreadable(cause);
    });
    for (const row of found) {
      const action = decodeCheckpointRow(row, name);
      if (action !== null) yield action;
    }
  }
}
