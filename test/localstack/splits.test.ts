import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runSql, sorted, sqlText, tableRows, textRows } from '../e2e/duckdb.ts';
import { FanlakeCommand } from '../e2e/fanlake-command.ts';
import { type Deployment, deployment, type Outcome, onLocalStack, stackName } from './deployment.ts';

const splitBytes = 8 << 10;
const rowCount = 3_000;

/** Texts that look like rows, ends of rows and quotes where they are none; they repeat in no step with the splits. */
const notes = [
  'plain',
  'with, comma',
  'say "hi"',
  '',
  '\n5,fake row\n',
  '"\n"',
  'a\r\nb',
  '",\n"',
  'ü🦆',
  'x'.repeat(700),
  '\n'.repeat(40),
];
const noteOf = (n: number): string => notes[(n * 7 + Math.floor(n / 11)) % notes.length] ?? '';
const inQuotes = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/** @param note of a row by its number */
function csv(newline: '\n' | '\r\n', note: (n: number) => string, quoted: (n: number, text: string) => string): string {
  return `id,note${newline}${Array.from({ length: rowCount }, (_, n) => `${n},${quoted(n, note(n))}${newline}`).join('')}`;
}

/** Longer than a hundred splits: most of them own no record. */
const longText = 'not, "a" row\n7,7\n'.repeat(65_000);
const withLong = (n: number): string => (n === 1_234 ? longText : noteOf(n));
const mostlyQuoted = (n: number, text: string): string => (n % 3 > 0 || /[",\r\n]|^$/.test(text) ? inQuotes(text) : text);

/** Rows inside quotes, over many splits in which nothing tells that they are none. */
const fakeRows = (n: number): string => (n === 1_000 ? '5,fake row\n'.repeat(8_000) : `row ${n}`);

const jsonLine = (n: number): string =>
  JSON.stringify({ id: n, note: n === 2_000 ? longText.slice(0, 300_000) : noteOf(n), deep: { list: [n, n + 1], text: '"}\n{"id":1' } });

interface Case {
  readonly what: string;
  readonly file: string;
  /** What DuckDB reads the whole file with. */
  readonly read: (path: string) => string;
  readonly isCut: boolean;
  /** Whether workers guess wrong where records begin, so that it takes a second epoch. */
  readonly misleads?: boolean;
}

const readCsv = (newline: '\\n' | '\\r\\n') => (path: string) =>
  `SELECT * FROM read_csv(${sqlText(path)}, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', new_line = '${newline}',
     parallel = false, allow_quoted_nulls = false, columns = {id: 'BIGINT', note: 'VARCHAR'})`;

const cases: readonly Case[] = [
  { what: 'CSV with quotes, newlines in them and a record of a megabyte', file: 'long.csv', read: readCsv('\\n'), isCut: true },
  { what: 'CSV of lines that end in CR LF', file: 'crlf.csv', read: readCsv('\\r\\n'), isCut: true },
  { what: 'CSV with rows inside quotes', file: 'fake.csv', read: readCsv('\\n'), isCut: true, misleads: true },
  { what: 'JSON lines', file: 'lines.jsonl', read: (path) => `SELECT * FROM read_json(${sqlText(path)}, format = 'nd')`, isCut: true },
  {
    what: 'text without a newline at its end',
    file: 'lines.txt',
    read: (path) => `SELECT unnest(string_split(content, chr(10))) AS line FROM read_text(${sqlText(path)})`,
    isCut: true,
  },
  { what: 'gzipped CSV, which is one task', file: 'whole.csv.gz', read: readCsv('\\n'), isCut: false },
  { what: 'Parquet', file: 'whole.parquet', read: (path) => `SELECT * FROM read_parquet(${sqlText(path)})`, isCut: false },
];

onLocalStack('a run over splits of a few kilobytes', () => {
  let stack: Deployment;
  let folder: string;
  const path = (name: string): string => join(folder, name);

  beforeAll(async () => {
    stack = await deployment();
    folder = mkdtempSync(join(tmpdir(), 'fanlake-splits-'));
    writeFileSync(path('long.csv'), csv('\n', withLong, mostlyQuoted));
    writeFileSync(path('fake.csv'), csv('\n', fakeRows, mostlyQuoted));
    writeFileSync(path('crlf.csv'), csv('\r\n', noteOf, mostlyQuoted));
    writeFileSync(path('lines.jsonl'), Array.from({ length: rowCount }, (_, n) => `${jsonLine(n)}\n`).join(''));
    writeFileSync(path('lines.txt'), Array.from({ length: rowCount }, (_, n) => `${n} ${noteOf(n).replaceAll(/[\r\n]/g, ' ')}`).join('\n'));
    writeFileSync(path('whole.csv.gz'), gzipSync(csv('\n', withLong, mostlyQuoted)));
    await runSql(`COPY (${readCsv('\\n')(path('long.csv'))}) TO ${sqlText(path('whole.parquet'))} (FORMAT parquet, ROW_GROUP_SIZE 2048)`);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.for(cases)('of $what gives the rows that DuckDB finds in the whole file', async ({ file, read, isCut, misleads = false }) => {
    const body = readFileSync(path(file));
    await stack.upload(`splits/${file}`, body);
    const table = `splits_${file.replaceAll('.', '_')}`;
    const given = ['--input', `splits/${file}`, '--split-size', String(splitBytes), '--stack', stackName, '--json'];
    const { code, stdout, stderr } = await new FanlakeCommand(folder, ['run', '--query', 'SELECT * FROM input', '--table', table, ...given])
      .ended;
    expect(code, stdout + stderr).toBe(0);
    const { tasks, rows, epoch } = JSON.parse(stdout) as Outcome;
    const expected = await textRows(read(path(file)));
    expect(rows).toMatchObject({ read: expected.length, written: expected.length });
    expect(epoch > 0).toBe(misleads);
    expect(tasks.planned).toBe(isCut ? Math.ceil(body.length / splitBytes) : 1);
    expect(sorted(await tableRows(await stack.fetchTable(table, folder)))).toEqual(sorted(expected));
  });
});
