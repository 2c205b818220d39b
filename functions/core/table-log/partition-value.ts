import { FanlakeError } from '../errors.ts';
import type { DeltaType } from './delta-types.ts';
import { utcTimestamp } from './timestamp-text.ts';

/** DuckDB's texts of the floating point numbers that aren't finite, as Spark and delta-rs read them. */
const notFinite: Readonly<Record<string, string>> = { nan: 'NaN', inf: 'Infinity', '-inf': '-Infinity' };

/**
 * A lake partition value as the log carries it (Delta protocol, "Partition Value Serialization"). Null for NULL and for the empty text,
 * which Delta can't tell from it. Timestamps are ISO 8601 in UTC, the form that no reader takes for its own time zone.
 * @param text DuckDB's text of the value (`COPY ... RETURN_STATS` gives it), null for NULL
 * @throws FanlakeError `table.partitions` for a value or type that has no such form
 */
export function partitionValueOf(type: DeltaType, text: string | null, column: string): string | null {
  if (typeof type !== 'string' || type === 'binary') {
    throw new FanlakeError(
      'table.partitions',
      `column '${column}' can't partition a table: its type has no partition value. Partition by another.`,
      {
        column,
      },
    );
  }
  if (text === null || text === '') return null;
  if (type === 'float' || type === 'double') return Object.hasOwn(notFinite, text) ? (notFinite[text] ?? text) : text;
  if (type === 'date') return /^\d{4}-\d{2}-\d{2}$/.test(text) ? text : refuse(column, text);
  if (type === 'timestamp') return utcTimestamp(text)?.toMicroseconds() ?? refuse(column, text);
  return text;
}

function refuse(column: string, text: string): never {
  throw new FanlakeError(
    'table.partitions',
    `'${text}' in column '${column}' can't be a lake partition's value: Delta's dates lie between the years 1 and 9999. Filter it out or partition by another column.`,
    { column, value: text },
  );
}
