import { realpath } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { FanlakeError } from '../core/errors.ts';
import { eachInParallel } from '../core/in-parallel.ts';
import { runsPrefix } from '../core/keys.ts';
import type { PartShare } from '../core/merge-task.ts';
import type { PartOutput } from '../core/part.ts';
import { type PartSpan, spanOf } from '../core/part-share.ts';
import type { ByteRange, ObjectStore } from '../core/ports.ts';
import { rowsRequestBytes } from '../core/stage-requests.ts';
import type { RowsFile } from '../engine/part-rows.ts';
import { createSparseFile, parquetMagic, writeInto } from '../formats/sparse-file.ts';
import type { MergeInput } from './computed-task.ts';

/** Requests under way, each with its bytes in memory. */
const parallelRequests = 8;
/** Bytes that are fetched in vain sooner than by a request of their own. */
const worthARequestBytes = 1 << 20;

/** Rows of other tasks on this disk. */
export interface FetchedRows {
  /** In the order of the inputs; without those that have no row of the share. */
  readonly files: readonly RowsFile[];
  /** A folder that holds them all. */
  readonly folder: string;
}

/**
 * Brings a share of the rows to this disk: each input's object as a local file of its size, in which row groups without a row of it may be holes. A store on
 * this disk answers with the objects' own files.
 * @param scratch a folder of the attempt's own
 * @throws FanlakeError `input.gone` when an object is gone; `store.*`
 */
export async function fetchRows(work: ObjectStore, inputs: readonly MergeInput[], share: PartShare, scratch: string): Promise<FetchedRows> {
  const wanted = inputs.flatMap(({ key, output }) => {
    const span = spanOf(output, share);
    return span === null ? [] : [{ key, output, span, rows: rowsIn(output, span, share) }];
  });
  const root = work.locate(runsPrefix);
  if (isAbsolute(root)) {
    const files = wanted.map(async ({ key, rows }) => ({ path: await inPlace(work.locate(key)), rows }));
    return { files: await Promise.all(files), folder: root };
  }
  const files = wanted.map((input, index) => ({ ...input, path: join(scratch, `rows${index}.parquet`) }));
  for (const { path, output } of files) await createSparseFile(path, output.bytes, parquetMagic);
  const requests = files.flatMap(({ key, path, output, span }) =>
    rangesOf(output, span)
      .flatMap(cut)
      .map((bytes) => ({ key, path, bytes })),
  );
  await eachInParallel(requests, parallelRequests, async ({ key, path, bytes }) => {
    await writeInto(path, await read(work, key, bytes), bytes.start);
  });
  return { files: files.map(({ path, rows }) => ({ path, rows })), folder: scratch };
}

/** Which rows the engine may look at; null: all, or those that buckets tell. */
const rowsIn = ({ rows }: PartOutput, span: PartSpan, { bounds }: PartShare): RowsFile['rows'] =>
  bounds === undefined || (span.rows[0] === 0 && span.rows[1] === rows) ? null : span.rows;

/** What must be there of an object to read some row groups: they, and all that is behind the last row group. */
function rangesOf({ groups, bytes }: PartOutput, { bytes: [start, end] }: PartSpan): readonly ByteRange[] {
  const tail = groups.reduce((last, [, , , , groupEnd]) => Math.max(last, groupEnd), 0);
  if (tail - end <= worthARequestBytes) return [{ start, end: bytes }];
  return [
    { start, end },
    { start: tail, end: bytes },
  ];
}

/** A range in requests of about the same size. */
function cut({ start, end }: ByteRange): readonly ByteRange[] {
  const count = Math.ceil((end - start) / rowsRequestBytes);
  const edge = (index: number): number => start + Math.floor(((end - start) * index) / count);
  return Array.from({ length: count }, (_, index) => ({ start: edge(index), end: edge(index + 1) }));
}

async function read(work: ObjectStore, key: string, range: ByteRange): Promise<Uint8Array> {
  const found = await work.get(key, range);
  if (found === null) throw gone(work.locate(key));
  if (found.body.length === range.end - range.start) return found.body;
  throw new FanlakeError(
    'store.failed',
    `The store gave ${found.body.length} bytes of ${work.locate(key)}, and ${range.end - range.start} were asked for from ${range.start} on.`,
  );
}

async function inPlace(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') throw gone(path);
    throw thrown;
  }
}

function gone(place: string): FanlakeError {
  return new FanlakeError(
    'input.gone',
    `Rows that a task of this run handed on to others are gone: ${place} isn't there (the work root was emptied, or it has expired). Run the job over its input again.`,
    { place },
  );
}
