import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fanlake } from './fanlake-command.ts';

// A mistake in `fanlake query` is told with the engine's place and suggestion, and with what only Fanlake knows.
let folder: string;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'fanlake-query-')));
  writeFileSync(join(folder, 'people.csv'), 'id,full_name\n1,Anna\n');
  const { code } = await fanlake(folder, 'run', '--query', 'SELECT * FROM input', '--table', 'people', '--input', 'people.csv');
  expect(code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The mark stands below the word that is wrong. */
function markedWord(message: string): string {
  const [, line = '', spaces = ''] = /^(LINE \d+: .*)\n( *)\^/m.exec(message) ?? [];
  return line.slice(spaces.length);
}

test.each([
  [
    'an unknown column',
    'SELECT id, ful_name FROM people',
    'query.column',
    /^ful_name/,
    ["did you mean 'full_name'?", 'people has: id, full_name.'],
  ],
  [
    'an unknown column of an alias',
    'SELECT p.idd FROM people p',
    'query.column',
    /^p\.idd/,
    ["did you mean 'id'?", 'people has: id, full_name.'],
  ],
  [
    'an unknown column in EXCLUDE',
    'SELECT * EXCLUDE (nope) FROM people',
    'query.column',
    /^/,
    ["no column 'nope'", 'people has: id, full_name.'],
  ],
  ['an unknown table', 'SELECT * FROM poeple', 'table.unknown', /^poeple/, ["did you mean 'people'?", 'There are: people.']],
  ['an unknown table before a dot', 'SELECT q.id FROM people p', 'query.column', /^q\.id/, ['Candidate tables: "p"', 'the alias']],
  ['an unknown function', 'SELECT uper(full_name) FROM people', 'query.function', /^uper/, ['Did you mean "upper"?', 'duckdb_functions()']],
  ['wrong arguments', 'SELECT sum(full_name) FROM people', 'query.function', /^sum/, ['sum(BIGINT) -> HUGEINT', 'duckdb_functions()']],
  ['a file', "SELECT * FROM read_csv('people.csv')", 'query.forbidden', /^read_csv/, ['the tables of this home (people)', 'fanlake run']],
  ['a typo', 'SELECT * FORM people', 'query.syntax', /^people/, ['one SELECT']],
  ['nothing', ' ', 'usage', /^/, ['The query is empty']],
] as const)('%s', async (_what, sql, code, marked, says) => {
  const { code: exitCode, stdout } = await fanlake(folder, 'query', sql, '--json');
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
  expect({ exitCode, code: error.code }, error.message).toEqual({ exitCode: 2, code });
  expect(markedWord(error.message)).toMatch(marked);
  for (const text of says) expect(error.message).toContain(text);
  expect(error.message).not.toContain("the table 'input'");
});
