import { type ErrorCode, FanlakeError } from '../core/errors.ts';

/**
 * Rows of the input may not fit their pinned types: what the strict reader throws so that the caller takes the lenient path, which names
 * the rows. Not for users: the lenient path ends with bad rows or with a `FanlakeError`.
 */
export class RowsDoNotFit extends Error {
  override readonly name = 'RowsDoNotFit';
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Whether the engine's reader says that a record or a value can't be read as its pinned type. */
export function isReadingError(thrown: unknown): boolean {
  return /CSV Error on Line|JSON transform error|Malformed JSON in file|CSV Parser state machine|File is not UTF-8|Invalid unicode|maximum_object_size|Maximum line size/i.test(
    messageOf(thrown),
  );
}

/** Whether the engine says that a value can't become one of another type. */
export function isConversionError(thrown: unknown): boolean {
  return /^(Conversion Error|Invalid Input Error|Out of Range Error)/.test(messageOf(thrown));
}

/**
 * Whether the engine met a defect of its own. It takes the whole instance with it: whatever is asked from then on fails, until another one is opened. (Not each
 * `INTERNAL Error` does, but which ones do is not said.)
 */
export function isDefect(thrown: unknown): boolean {
  return /^(Failed to extract statements: )?(INTERNAL|FATAL) Error|database has been invalidated/.test(messageOf(thrown));
}

const missingColumn = [
  /Referenced column "([^"]*)" not found/,
  /does not have a column named "([^"]*)"/,
  /Column "([^"]*)" in (?:EXCLUDE|REPLACE|RENAME) list not found/,
];

/** The column that a query names and that isn't there, from the engine's message; null when it says something else. */
export function missingColumnIn(message: string): string | null {
  return missingColumn.map((pattern) => pattern.exec(message)?.[1]).find((name) => name !== undefined) ?? null;
}

/** First match decides. The texts are DuckDB 1.5.5's; test/unit/engine/session.test.ts provokes them. */
const rules: readonly (readonly [RegExp, ErrorCode])[] = [
  // by us, when the time is up: nobody's fault, least of all the query's
  [/^INTERRUPT Error/i, 'run.interrupted'],
  [/No space left on device|Disk quota exceeded|max_temp_directory_size/i, 'store.full'],
  [/^Out of Memory Error/, 'task.memory'],
  [/^Parser Error/, 'query.syntax'],
  [
    /Referenced (column|table) .* not found|in (EXCLUDE|REPLACE|RENAME) list not found|does not have a column named|Could not find (key|column)|column .* does not exist/i,
    'query.column',
  ],
  [/Function with name .* does not exist|No function matches the given name/i, 'query.function'],
  [/^Permission Error|has been disabled|configuration has been locked/i, 'query.forbidden'],
  [/Cannot open file|No files found that match/, 'input.gone'],
  [/No magic bytes found|not a Parquet file|too small to be a Parquet file/i, 'input.format'],
  [
    /TProtocolException|Corrupt|Snappy|ZSTD Decompression|Failed to decompress|decompression failure|Invalid thrift|Footer length error|Parquet (file|reader)/i,
    'input.corrupt',
  ],
  [/^(INTERNAL Error|FATAL Error|TransactionContext Error)/i, 'internal'],
  [/File name too long/, 'table.partitions'],
  [/^IO Error/, 'store.failed'],
];

const advice: Partial<Record<ErrorCode, string>> = {
  'table.partitions':
    'A value of a partition column is too long for the name of a folder (255 bytes): partition by a shorter column, or by a part or a hash of this one.',
  'store.full': 'Free space on the disk (or give the scratch folder another one) and run it again.',
  'task.memory': 'Give the task more memory or a smaller split.',
  'input.corrupt': 'Nothing of it was loaded. Upload the whole file again; if it stays so, it was damaged where it was made.',
  'query.syntax': 'Correct the query.',
  'query.function': `Correct the query. To look for one: fanlake query "SELECT function_name, parameters, description FROM duckdb_functions() WHERE function_name LIKE '%...%'"`,
  'query.forbidden': "A query reads the table 'input', the side inputs of its job, and nothing else.",
};

/**
 * A thrown value of DuckDB as a `FanlakeError`; DuckDB's message is kept with its place in the query (`LINE 1: ... ^`).
 * @param what what was attempted and on which thing, such as "the query can't be bound"
 * @param otherwise the code for an error that no rule knows
 */
export function asEngineError(thrown: unknown, what: string, otherwise: ErrorCode = 'query.failed'): FanlakeError {
  if (thrown instanceof FanlakeError) return thrown;
  const message = messageOf(thrown)
    .replace(/^Failed to extract statements: /, '')
    .trim();
  const code = rules.find(([pattern]) => pattern.test(message))?.[1] ?? otherwise;
  const hint = advice[code];
  return new FanlakeError(code, `${what}: ${message}${hint === undefined ? '' : `\n${hint}`}`, { engine: message }, thrown);
}

/** The line of the query that the engine shows behind its message, with a mark below the place. */
const place = /\n\s*LINE \d+:[\s\S]*$/;

/**
 * The same of what went wrong over rows. The place that the engine shows is one of our SQL, which has the user's somewhere inside: it goes.
 * @param what as for `asEngineError`
 */
export function asRowsError(thrown: unknown, what: string): FanlakeError {
  if (thrown instanceof FanlakeError) return thrown;
  const hint = /^Conversion Error/.test(messageOf(thrown)) ? '. TRY_CAST in place of CAST takes such a value for NULL.' : '';
  return asEngineError(new Error(`${messageOf(thrown).replace(place, '').trimEnd()}${hint}`, { cause: thrown }), what);
}
