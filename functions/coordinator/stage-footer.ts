import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ByteRange, ObjectStore, ObjectVersion } from '../core/ports.ts';
import { createSparseFile, writeInto } from '../formats/sparse-file.ts';

/** A file below this is fetched as it is. */
const wholeBytes = 256 << 10;
/** Most footers fit into so many bytes of a file's end. */
const usualFooterBytes = 64 << 10;
/** The end of every file: the footer's length in four bytes, and the magic (Parquet format, "File Format"). */
const trailerBytes = 8;
const magicBytes = 4;

/** A local file that looks like an object to whoever reads its footer only. */
export interface StagedFooter {
  readonly path: string;
  readonly release: () => Promise<void>;
}

/**
 * Brings a Parquet object's footer to a local file of the object's size, in which all else is a hole: planning needs the columns only, and the object may be
 * larger than the disk.
 * @throws FanlakeError `input.gone`, `input.changed`, `store.*`
 */
export async function stageFooter(landing: ObjectStore, object: ObjectVersion, scratch: string): Promise<StagedFooter> {
  const { size } = object;
  if (size <= wholeBytes) return landing.stage(object, { start: 0, end: size }, scratch);
  const tail = await landing.read(object, { start: size - usualFooterBytes, end: size });
  const footerBytes = Buffer.from(tail).readUInt32LE(tail.length - trailerBytes) + trailerBytes;
  // a length that can't be is the engine's to find wrong
  const start = footerBytes > usualFooterBytes && footerBytes < size ? size - footerBytes : size - usualFooterBytes;
  const missing: ByteRange = { start, end: size - usualFooterBytes };
  const front = missing.end > missing.start ? await landing.read(object, missing) : new Uint8Array(0);
  const path = join(scratch, `footer-${randomUUID()}`);
  await createSparseFile(path, size, await landing.read(object, { start: 0, end: magicBytes }));
  await writeInto(path, front, start);
  await writeInto(path, tail, size - tail.length);
  return { path, release: () => rm(path, { force: true }) };
}
