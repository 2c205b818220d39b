import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FanlakeError } from '../core/errors.ts';
import type { Column } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import { jsonReader, jsonTextReader, readingOf } from './readers.ts';
import type { Engine } from './session.ts';
import { identifier, literal } from './sql-text.ts';

/** The text of a time with an offset or a Z, as a whole value. */
const zoned = '\\d{4}-\\d{1,2}-\\d{1,2}[ T]\\d{1,2}:\\d{2}(:\\d{2}(\\.\\d{1,6})?)? ?(Z|[-+]\\d{2}(:?\\d{2})?)';

/**
 * The columns of a head of JSON lines: the engine's inference (structs, lists and maps; JSON where kinds are mixed), then corrected where it
 * would lose something: times with an offset are TIMESTAMP WITH TIME ZONE, numbers that a double can't hold are text, and a key that is always
 * null is text. Lines that aren't objects are passed over: they are bad rows later.
 * @throws FanlakeError `input.format` when no line is an object, or two keys differ only in case
 */
export async function inferJson(engine: Engine, piece: Piece): Promise<Column[]> {
  const sample = await objectsOnly(engine, piece);
  if (sample === null) return [];
  const described = await engine.rows(
    `DESCRIBE SELECT * FROM read_json(${literal(sample.path)}, format = 'newline_delimited', records = true, sample_size = -1,
       maximum_object_size = ${Math.max(16_777_216, sample.longestRecordBytes + 64)}, hive_partitioning = false)`,
  );
  const columns = described.map((row) => ({ name: String(row['column_name']), type: String(row['column_type']) }));
  await refuseCaseClash(engine, sample, piece.objectKey);
  return correct(engine, sample, columns);
}

/** The objects of a head in a file of their own; null when there are no lines. */
async function objectsOnly(engine: Engine, piece: Piece): Promise<Piece | null> {
  const rows = await engine.rows(
    `SELECT CASE WHEN json_type(json) = 'OBJECT' THEN json::VARCHAR END AS line FROM ${jsonTextReader(readingOf([piece]))}`,
  );
  const lines = rows.flatMap(({ line }) => (typeof line === 'string' && line !== '{}' ? [line] : []));
  if (rows.length === 0) return null;
  if (lines.length === 0) {
    throw new FanlakeError(
      'input.format',
      `'${piece.objectKey}' has no JSON object with a key in its first ${rows.length} lines. Is it JSON lines?`,
      { key: piece.objectKey },
    );
  }
  const path = join(engine.scratch, 'objects.jsonl');
  await writeFile(path, `${(await inFileOrder(piece, lines)).join('\n')}\n`);
  return { ...piece, path };
}

/** The engine gives rows in any order; that of columns, and of the fields of structs, follows from the lines' and must be the same each time. */
async function inFileOrder({ path }: Piece, lines: readonly string[]): Promise<readonly string[]> {
  const places = new Map((await readFile(path, 'utf8')).split('\n').map((line, index) => [line.trim(), index]));
  const placeOf = (line: string): number => places.get(line.trim()) ?? places.size;
  return [...lines].sort((a, b) => placeOf(a) - placeOf(b));
}

async function refuseCaseClash(engine: Engine, sample: Piece, key: string): Promise<void> {
  const [clash] = await engine.rows(
    `SELECT list(DISTINCT k) AS names FROM (SELECT unnest(json_keys(json)) AS k FROM ${jsonTextReader(readingOf([sample]))}) GROUP BY lower(k) HAVING count(DISTINCT k) > 1`,
  );
  if (clash === undefined) return;
  const names = Array.isArray(clash['names']) ? clash['names'].map(String).sort() : [];
  throw new FanlakeError(
    'input.format',
    `'${key}' has keys that differ only in case (${names.join(', ')}), which can't be columns of one table. Declare the columns to take.`,
    {
      key,
      names,
    },
  );
}

const uncertain = new Set(['JSON', 'DOUBLE', 'HUGEINT', 'UHUGEINT', 'VARCHAR', 'TIMESTAMP', 'TIME']);

async function correct(engine: Engine, sample: Piece, columns: readonly Column[]): Promise<Column[]> {
  const doubtful = columns.filter(({ type }) => uncertain.has(type) || /TIMESTAMP/.test(type));
  if (doubtful.length === 0) return [...columns];
  const reader = jsonReader(
    readingOf([sample]),
    doubtful.map(({ name }) => ({ name, type: 'JSON' })),
  );
  const facts = doubtful.map(({ name }, index) => factsOf(identifier(name), index));
  const [row = {}] = await engine.rows(`SELECT ${facts.join(', ')} FROM ${reader}`);
  const indexOf = new Map(doubtful.map(({ name }, index) => [name, index]));
  return columns.map((column) => {
    const index = indexOf.get(column.name);
    return index === undefined ? column : { name: column.name, type: corrected(column.type, (fact) => row[`${fact}${index}`] === true) };
  });
}

type Fact = 'empty' | 'zoned' | 'zones' | 'large';

function factsOf(name: string, index: number): string {
  const value = `${name}::VARCHAR`;
  const present = `json_type(${name}) <> 'NULL'`;
  const large = `(regexp_full_match(${value}, '-?\\d+') AND coalesce(abs(TRY_CAST(${value} AS DOUBLE)) > 9007199254740991, true)) OR coalesce(isinf(TRY_CAST(${value} AS DOUBLE)), false)`;
  return [
    `count(*) FILTER (${present}) = 0 AS empty${index}`,
    `bool_and(regexp_full_match(${value}, ${literal(`"${zoned}"`)})) FILTER (${present}) AS zoned${index}`,
    `bool_or(regexp_matches(${value}, ${literal(`"${zoned}"`)})) FILTER (${present}) AS zones${index}`,
    `bool_or(${large}) FILTER (${present}) AS large${index}`,
  ].join(', ');
}

function corrected(type: string, is: (fact: Fact) => boolean): string {
  if (is('empty')) return 'VARCHAR';
  if (type === 'TIMESTAMP' || type === 'VARCHAR') {
    if (is('zoned')) return 'TIMESTAMP WITH TIME ZONE';
    return is('zones') ? 'VARCHAR' : type;
  }
  if (type === 'DOUBLE') return is('large') ? 'VARCHAR' : type;
  if (type === 'HUGEINT' || type === 'UHUGEINT') return 'VARCHAR';
  return is('zones') ? withZones(type) : type;
}

/** TIMESTAMP inside a nested type becomes TIMESTAMP WITH TIME ZONE; quoted names of fields are left alone. */
function withZones(type: string): string {
  return type.replaceAll(/"(?:[^"]|"")*"|\bTIMESTAMP\b(?! WITH)/g, (text) => (text === 'TIMESTAMP' ? 'TIMESTAMP WITH TIME ZONE' : text));
}
