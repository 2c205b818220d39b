import { FanlakeError } from '../core/errors.ts';
import type { ObjectStore, ObjectVersion } from '../core/ports.ts';
import { checkContent } from '../formats/content-check.ts';

/** The first and the last bytes of every Parquet file (Parquet format, "File Format"). */
const magic = 'PAR1';
/** Read to say what a file is instead. */
const headBytes = 4096;

/**
 * The engine's error over a Parquet footer, as one that names the object, what is wrong with it and what to do. Reads both ends of the object.
 * @param thrown what is none of the input's fault is answered as it is
 */
export async function explainParquet(landing: ObjectStore, object: ObjectVersion, thrown: unknown): Promise<unknown> {
  if (!(thrown instanceof FanlakeError) || !['input.format', 'input.corrupt'].includes(thrown.code)) return thrown;
  const { key, size } = object;
  const advice = 'Nothing of it was loaded. Upload the whole file again; if it stays so, it was damaged where it was made.';
  const fail = (code: 'input.format' | 'input.corrupt', found: string) =>
    new FanlakeError(code, `'${key}' can't be read as Parquet: ${found}. ${advice}`, { key, ...thrown.details }, thrown);
  if (size === 0) return fail('input.format', 'it has no bytes');
  try {
    checkContent(key, 'parquet', await landing.read(object, { start: 0, end: Math.min(headBytes, size) }));
    const end = Buffer.from(await landing.read(object, { start: Math.max(0, size - magic.length), end: size }));
    if (end.toString('latin1') !== magic) {
      return fail('input.corrupt', `it begins like a Parquet file and does not end like one (with ${magic}): its end is missing`);
    }
  } catch (other) {
    return other;
  }
  return fail('input.corrupt', `its footer can't be read (${String(thrown.details['engine'] ?? thrown.message)})`);
}
