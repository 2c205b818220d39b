import { afterAll, describe, expect, test } from 'vitest';
import type { CsvDialect } from '../../../../functions/core/records/csv-dialect.ts';
import { DuckdbRows } from './duckdb-rows.ts';
import { machineRecords, type SeenRecord } from './machine-records.ts';
import { seeded } from './random-text.ts';

const base: CsvDialect = { delimiter: ',', quote: '"', escape: '"', comment: '', newline: '\n' };
const duckdb = new DuckdbRows();
afterAll(() => duckdb.close());

const cases: readonly (readonly [name: string, dialect: CsvDialect, tokens: readonly string[]])[] = [
  ['LF', base, ['a', ',', '"', '\n']],
  ['LF with spaces', base, ['a', ',', '"', '\n', ' ']],
  ['LF and stray CRs', base, ['a', ',', '"', '\n', '"', '\n', ',', '\r']],
  ['CRLF', { ...base, newline: '\r\n' }, ['a', ',', '"', '\r\n']],
  ['CRLF and stray CRs and LFs', { ...base, newline: '\r\n' }, ['a', ',', '"', '\r\n', '\r\n', '"', '\r', '\n']],
  ['CR', { ...base, newline: '\r' }, ['a', ',', '"', '\r']],
  ['CR and stray LFs', { ...base, newline: '\r' }, ['a', ',', '"', '\r', '\r', '"', '\n']],
  ['backslash escapes', { ...base, escape: '\\' }, ['a', ',', '"', '\n', '\\']],
  ['no escape', { ...base, escape: '' }, ['a', ',', '"', '\n']],
  ['no quote', { ...base, quote: '', escape: '' }, ['a', ',', '"', '\n']],
  ['comments', { ...base, comment: '#' }, ['a', ',', '"', '\n', ' ', '#', '\n']],
  ['delimiter ||', { ...base, delimiter: '||' }, ['a', '|', '||', '"', '\n', ' ']],
  ['delimiter aab', { ...base, delimiter: 'aab' }, ['a', 'aab', 'b', '"', '\n']],
  ['delimiter comma and space', { ...base, delimiter: ', ' }, ['a', ', ', ',', ' ', '"', '\n']],
  ['delimiter of 4 bytes', { ...base, delimiter: '<->|' }, ['a', '<->|', '<-', '"', '\n']],
  ["tab and '", { ...base, delimiter: '\t', quote: "'", escape: "'" }, ['a', '\t', "'", '\n', '"']],
];

function randomTexts(tokens: readonly string[], count: number, seed: number): string[] {
  const random = seeded(seed);
  const texts = Array.from({ length: count }, () =>
    Array.from({ length: 1 + random(13) }, () => tokens[random(tokens.length)] ?? '').join(''),
  );
  return [...new Set(texts)];
}

const rows = (records: readonly SeenRecord[]) => records.filter((record) => record.kind === 'row').map((record) => record.fields);

describe('the record machine and DuckDB in strict mode', { timeout: 30_000 }, () => {
  test.each(cases)('see the same records with the same fields, whole and cut at every record start: %s', async (_name, dialect, tokens) => {
    const good = randomTexts(tokens, 400, 5)
      .map((text) => ({ text, records: machineRecords(dialect, Buffer.from(text)) }))
      .filter(({ records }) => records.every((record) => record.problem === null));
    const cuts = good.flatMap(({ text, records }) => records.slice(0, -1).map(({ end }) => ({ text, end })));
    expect(good.length).toBeGreaterThan(50);
    expect(cuts.length).toBeGreaterThan(50);
    const whole = await duckdb.fieldCounts(
      dialect,
      good.map(({ text }) => text),
    );
    const wrong = good.filter(({ records }, i) => JSON.stringify(rows(records)) !== JSON.stringify(whole[i]));
    expect(
      wrong.map(({ text, records }) => ({ text, machine: rows(records), duckdb: whole[good.findIndex((g) => g.text === text)] })),
    ).toEqual([]);
    const left = await duckdb.fieldCounts(
      dialect,
      cuts.map(({ text, end }) => text.slice(0, end)),
    );
    const right = await duckdb.fieldCounts(
      dialect,
      cuts.map(({ text, end }) => text.slice(end)),
    );
    const wholeOf = new Map(good.map(({ text }, i) => [text, whole[i]]));
    const badCuts = cuts.filter(
      ({ text }, i) => JSON.stringify([...(left[i] ?? []), ...(right[i] ?? [])]) !== JSON.stringify(wholeOf.get(text)),
    );
    expect(badCuts).toEqual([]);
  });

  test.each(cases)('refuse the same texts, but for those where the machine is stricter on purpose: %s', async (_name, dialect, tokens) => {
    const bad = randomTexts(tokens, 700, 6)
      .map((text) => ({ text, records: machineRecords(dialect, Buffer.from(text)) }))
      .filter(({ text, records }) => records.slice(0, -1).some((record) => isRefused(dialect, text, record)));
    const accepted: string[] = [];
    for (const { text } of bad.slice(0, 25)) if (!(await duckdb.refuses(dialect, text))) accepted.push(text);
    expect(accepted).toEqual([]);
  });
});

/**
 * Whether the engine must refuse a text because of this record, which isn't the last: a last one it drops when that ends inside quotes, and after a
 * closing quote and an odd newline it may see the record end there.
 */
function isRefused(dialect: CsvDialect, text: string, record: SeenRecord): boolean {
  const bytes = text.slice(record.start, record.end);
  if (record.problem === 'newline') return dialect.comment === '' && !/(^|[,\r\n"])[\r\n]/.test(bytes);
  const { delimiter } = dialect;
  const isPartOfDelimiter = [...delimiter].some(
    (_, i) => i > 0 && bytes.replaceAll(/ +/g, '').includes(`"${delimiter.slice(0, i).trim()}`),
  );
  return record.problem === 'text-after-quote' && !isPartOfDelimiter;
}
