import { realpath } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { FanlakeError } from '../core/errors.ts';
import { eachInParallel } from '../core/in-parallel.ts';
import { runsPrefix } from '../core/keys.ts';
import type { PartOutput } from '../core/part.ts';
import type { ByteRange, ObjectStore } from '../core/ports.ts';
import { rowsRequestBytes } from '../core/stage-requests.ts';
import { createSparseFile, parquetMagic, writeInto } from '../formats/sparse-file.ts';
import type { MergeInput } from './computed-task.ts';

/** Requests under way, each with its bytes in memory. */
const parallelRequests = 8;
/** Bytes that are fetched in vain sooner than by a request of their own. */
const worthARequestBytes = 1 << 20;

/** Rows of other tasks on this disk. */
export interface FetchedRows {
  /** In the order of the inputs; without those that have no row of the buckets. */
  readonly paths: readonly string[];
  /** A folder that holds them all. */
  readonly folder: string;
}

/**
 * Brings the rows of some buckets to this disk: each input's object as a local file of its size, in which row groups of other buckets may be holes. A store on
 * this disk answers with the objects' own files.
 * @param range of buckets, half-open
 * @param scratch a folder of the attempt's own
 * @throws FanlakeError `input.gone` when an object is gone; `store.*`
 */
export async function fetchRows(
  work: ObjectStore,
  inputs: readonly MergeInput[],
  range: readonly [number, number],
  scratch: string,
): Promise<FetchedRows> {
  const wanted = inputs.flatMap(({ key, output }) => {
    const ranges = rangesOf(output, range);
    return ranges.length === 0 ? [] : [{ key, output, ranges }];
  });
  const root = work.locate(runsPrefix);
  if (isAbsolute(root)) return { paths: await Promise.all(wanted.map(({ key }) => inPlace(work.locate(key)))), folder: root };
  const files = wanted.map((input, index) => ({ ...input, path: join(scratch, `rows${index}.parquet`) }));
  for (const { path, output } of files) await createSparseFile(path, output.bytes, parquetMagic);
  const requests = files.flatMap(({ key, path, ranges }) => ranges.flatMap(cut).map((bytes) => ({ key, path, bytes })));
  await eachInParallel(requests, parallelRequests, async ({ key, path, bytes }) => {
    await writeInto(path, await read(work, key, bytes), bytes.start);
  });
  return { paths: files.map(({ path }) => path), folder: scratch };
}

/** What must be there of an object to read some buckets: their row groups, and all that is behind the last row group. */
function rangesOf({ groups, bytes }: PartOutput, [from, to]: readonly [number, number]): readonly ByteRange[] {
  let [start, end, tail] = [bytes, 0, 0];
  for (const [first, last, , groupStart, groupEnd] of groups) {
    tail = Math.max(tail, groupEnd);
    if (first >= to || last < from) continue;
    start = Math.min(start, groupStart);
    end = Math.max(end, groupEnd);
  }
  if (start >= end) return [];
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
