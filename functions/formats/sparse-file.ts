import { type FileHandle, open } from 'node:fs/promises';
import { asScratchError } from './scratch.ts';

/** The start of every Parquet file (Parquet format, "File Format"). */
export const parquetMagic: Uint8Array = Buffer.from('PAR1');

/**
 * Makes a local file of an object's size that is one hole behind its first bytes: for readers that look at some of its places only, which are written by
 * `writeInto`.
 * @throws FanlakeError `store.full`, `store.denied`
 */
export async function createSparseFile(path: string, size: number, first: Uint8Array): Promise<void> {
  await withFile(path, 'w', async (file) => {
    await file.truncate(size);
    await writeAll(file, first, 0);
  });
}

/** Writes bytes to the place of a file that they have in the object. Throws as `createSparseFile` does. */
export async function writeInto(path: string, bytes: Uint8Array, position: number): Promise<void> {
  await withFile(path, 'r+', (file) => writeAll(file, bytes, position));
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

async function withFile(path: string, flags: 'w' | 'r+', act: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    const file = await open(path, flags);
    try {
      await act(file);
    } finally {
      await file.close();
    }
  } catch (thrown) {
    throw asScratchError(thrown, `stage input at ${path}`);
  }
}
