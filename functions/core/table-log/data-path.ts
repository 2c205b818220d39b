import { FanlakeError } from '../errors.ts';

/** What stands for itself in an action's `path`: RFC 3986's unreserved characters, the slash, and `=` as all Delta writers leave it. */
const plain = /[^A-Za-z0-9\-._~/=]/gu;

const utf8 = new TextEncoder();

function percentEncode(character: string): string {
  let encoded = '';
  for (const byte of utf8.encode(character)) encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return encoded;
}

/**
 * A data file's place in the table (as the store has it) as the URI that `add` and `remove` carry. A folder that is itself percent-encoded
 * is so twice: `country=FR%20x/a.parquet` becomes `country=FR%2520x/a.parquet` (Delta protocol, "Add File and Remove File").
 */
export function encodeDataPath(path: string): string {
  return path.replace(plain, percentEncode);
}

/**
 * The place of a data file that an action's `path` names; an absolute URI stays absolute.
 * @throws FanlakeError `table.corrupt` for a path that isn't percent-encoded UTF-8
 */
export function decodeDataPath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw new FanlakeError(
      'table.corrupt',
      `the table's log names the data file '${path}', which is not a percent-encoded path. Repair the table's log with the tool that wrote it.`,
      { path },
      cause,
    );
  }
}
