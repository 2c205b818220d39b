import { mkdir, mkdtemp, open, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FanlakeError } from '../../functions/core/errors.ts';
import { eachInParallel } from '../../functions/core/in-parallel.ts';
import type { ObjectStore, ObjectVersion } from '../../functions/core/ports.ts';
import { unlessInterrupted } from '../interruption.ts';
import { bytes } from '../render/numbers.ts';
import type { StoredFile } from '../store/table-files.ts';

/** A range of one request. */
const rangeBytes = 8 << 20;
/** As many as fill a laptop's line, with their bytes in memory meanwhile. */
const parallelRanges = 8;
const parallelLooks = 16;
/** Left free on the disk, for the engine's own and for other programs. */
const spareBytes = 256 << 20;

export interface Fetching {
  readonly signal: AbortSignal;
  /** Bytes that have come, of how many. */
  readonly onProgress: (fetchedBytes: number, allBytes: number) => void;
}

/**
 * Brings objects to files of this machine for a piece of work, and deletes them afterwards, also when it is interrupted.
 * @param work gets the path of each file by its key, and an empty folder
 * @throws FanlakeError `store.full` when they are more than the disk has free, `store.failed` when one isn't there
 * @throws Interrupted
 */
export async function withFetched<Result>(
  lake: ObjectStore,
  files: readonly Pick<StoredFile, 'key' | 'sizeBytes'>[],
  { signal, onProgress }: Fetching,
  work: (paths: ReadonlyMap<string, string>, scratch: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'fanlake-fetched-'));
  const fetchAndWork = async (): Promise<Result> => {
    await refuseTooMuch(
      folder,
      files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    );
    const data = join(folder, 'data');
    const scratch = join(folder, 'scratch');
    await Promise.all([mkdir(data), mkdir(scratch)]);
    const paths = await fetchAll(lake, files, data, onProgress);
    return work(paths, scratch);
  };
  try {
    return await unlessInterrupted(signal, fetchAndWork());
  } finally {
    // an interrupted range may still be written meanwhile
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

async function refuseTooMuch(folder: string, allBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (allBytes + spareBytes <= freeBytes) return;
  throw new FanlakeError(
    'store.full',
    `The query reads ${bytes(allBytes)} of data files, which are brought to this machine first, and ${tmpdir()} has ${bytes(freeBytes)} free. ` +
      'Set TMPDIR to a folder of a larger disk, or read the tables where they are, with Athena or another reader of Delta tables.',
    { bytes: allBytes, freeBytes, folder: tmpdir() },
  );
}

async function fetchAll(
  lake: ObjectStore,
  files: readonly Pick<StoredFile, 'key'>[],
  folder: string,
  onProgress: Fetching['onProgress'],
): Promise<ReadonlyMap<string, string>> {
  const objects = await eachInParallel([...new Set(files.map(({ key }) => key))], parallelLooks, (key) => pin(lake, key));
  const paths = new Map(objects.map(({ key }, index) => [key, join(folder, `${index}.parquet`)]));
  const allBytes = objects.reduce((sum, { size }) => sum + size, 0);
  for (const path of paths.values()) await writeFile(path, '');
  let fetchedBytes = 0;
  onProgress(fetchedBytes, allBytes);
  await eachInParallel([...rangesOf(objects)], parallelRanges, async ({ object, start, end }) => {
    const content = await lake.read(object, { start, end });
    const file = await open(paths.get(object.key) ?? '', 'r+');
    try {
      await file.write(content, 0, content.length, start);
    } finally {
      await file.close();
    }
    fetchedBytes += content.length;
    onProgress(fetchedBytes, allBytes);
  });
  return paths;
}

function* rangesOf(objects: readonly ObjectVersion[]) {
  for (const object of objects) {
    for (let start = 0; start < object.size; start += rangeBytes) {
      yield { object, start, end: Math.min(object.size, start + rangeBytes) };
    }
  }
}

async function pin(lake: ObjectStore, key: string): Promise<ObjectVersion> {
  const object = await lake.head(key);
  if (object !== null) return object;
  throw new FanlakeError(
    'store.failed',
    `The data file ${lake.locate(key)}, which its table's log names, is not there: another tool deleted it. Restore it, or load what was in it into another table.`,
    { key },
  );
}
