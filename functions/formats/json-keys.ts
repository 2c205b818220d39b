import { FanlakeError } from '../core/errors.ts';

/** Objects whose keys are looked at. */
const sampleObjects = 1000;

/**
 * The keys of the first objects among lines of JSON, as they are spelled there, in the order in which they are found; of keys that differ only in case, the first.
 * @param key the object's, for the message
 * @throws FanlakeError `input.format` for a key without a name
 */
export function keysOfLines(key: string, lines: readonly string[]): readonly string[] {
  const keys = new Map<string, string>();
  for (const line of lines.slice(0, sampleObjects)) {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue;
    for (const name of Object.keys(value)) if (!keys.has(name.toLowerCase())) keys.set(name.toLowerCase(), name);
  }
  if (keys.has('')) {
    throw new FanlakeError(
      'input.format',
      `'${key}' has an object with a key without a name (""), which can't be a column. Name the key in the file.`,
      { key },
    );
  }
  return [...keys.values()];
}
