import type { Column, CsvLayout } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import { csvReader, fieldName, readingOf } from './readers.ts';
import type { Engine } from './session.ts';
import { literal } from './sql-text.ts';

interface Candidate {
  readonly type: string;
  /** What a text of this type looks like; spaces around it are taken. Stricter than the engine's cast, which takes `1.5` for an INTEGER. */
  readonly looks: string;
  /** A condition on `x` besides, that a cast loses nothing. */
  readonly exact?: string;
}

const day = '\\d{4}-\\d{1,2}-\\d{1,2}';
// A fraction beyond microseconds would be cut off.
const time = '\\d{1,2}:\\d{2}(:\\d{2}(\\.\\d{1,6})?)?';
// A zero before another digit belongs to a code (zip 00501), a plus sign to a telephone number.
const whole = '-?(0|[1-9]\\d*)';

/** In this order: the first that all sampled values are is the column's type. */
const candidates: readonly Candidate[] = [
  { type: 'BOOLEAN', looks: '(?i)(true|false)' },
  { type: 'BIGINT', looks: whole },
  {
    type: 'DOUBLE',
    looks: `(${whole}(\\.\\d*)?|-?\\.\\d+)([eE][-+]?\\d+)?`,
    // A whole number that a double can't hold, and 1e400, which would become Infinity.
    exact: `NOT isinf(TRY_CAST(x AS DOUBLE)) AND (NOT regexp_full_match(x, '\\s*-?\\d+\\s*') OR abs(TRY_CAST(x AS DOUBLE)) < 9007199254740992)`,
  },
  { type: 'DATE', looks: day },
  { type: 'TIMESTAMP', looks: `${day}([ T]${time})?` },
  // An offset that TIMESTAMP would pass over without a word.
  { type: 'TIMESTAMP WITH TIME ZONE', looks: `${day}[ T]${time} ?(Z|UTC|[-+]\\d{2}(:?\\d{2})?)` },
  { type: 'TIME', looks: '\\d{1,2}:\\d{2}:\\d{2}(\\.\\d{1,6})?' },
];

/** Records that decide which fields are looked at in all of the head: most are text and fail at once. */
const firstLook = 500;

function fits({ type, looks, exact }: Candidate): string {
  // TRY_CAST never throws, also for a text that doesn't look like its type.
  const extra = exact === undefined ? '' : ` AND ${exact}`;
  return `bool_and(regexp_full_match(x, ${literal(`\\s*${looks}\\s*`)}) AND TRY_CAST(x AS ${type}) IS NOT NULL${extra})`;
}

/**
 * The types of a CSV head's fields. Each is the first of BOOLEAN, BIGINT, DOUBLE, DATE, TIMESTAMP, TIMESTAMP WITH TIME ZONE and TIME that every
 * sampled value is without losing anything, else VARCHAR; a field without values is VARCHAR.
 */
export async function inferCsv(engine: Engine, piece: Piece, layout: CsvLayout): Promise<Column[]> {
  const { fields } = layout;
  if (fields.length === 0) return [];
  const texts = fields.map(() => 'VARCHAR');
  const reader = csvReader({ ...readingOf([piece]), parallelSafe: false }, layout, texts);
  const every = new Map(fields.map((_, field) => [field, candidates]));
  const first = piece.records <= firstLook ? every : await stillFitting(engine, every, `(SELECT * FROM ${reader} LIMIT ${firstLook})`);
  // a field whose first records have no values may have some later; one that fits nothing is text
  const open = new Map(fields.flatMap((_, field) => (first.get(field)?.length === 0 ? [] : [[field, first.get(field) ?? candidates]])));
  const found = open.size === 0 ? open : await stillFitting(engine, open, reader);
  return fields.map((name, field) => ({ name, type: found.get(field)?.[0]?.type ?? 'VARCHAR' }));
}

/** Of each field's candidates those that all its values fit, in order; a field without values isn't there. One row a value, so that its checks are made once for all fields. */
async function stillFitting(
  engine: Engine,
  fields: ReadonlyMap<number, readonly Candidate[]>,
  source: string,
): Promise<ReadonlyMap<number, readonly Candidate[]>> {
  const asked = candidates.filter((candidate) => [...fields.values()].some((open) => open.includes(candidate)));
  const checks = asked.map((candidate, n) => `${fits(candidate)} AS t${n}`).join(', ');
  const numbers = [...fields.keys()];
  const rows = await engine.rows(
    `SELECT field, ${checks} FROM (SELECT unnest([${numbers.join(', ')}]) AS field, unnest([${numbers.map(fieldName).join(', ')}]) AS x FROM ${source})
     WHERE x IS NOT NULL GROUP BY field`,
  );
  return new Map(
    rows.map((row) => {
      const field = Number(row['field']);
      return [field, (fields.get(field) ?? []).filter((candidate) => row[`t${asked.indexOf(candidate)}`] === true)];
    }),
  );
}
