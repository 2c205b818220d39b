import { expect, it } from 'vitest';
import { sqlLines } from '../../../../cli/render/sql-lines.ts';

const chain = `WITH b AS (WITH a AS (SELECT x, ')' AS "q(" FROM input) SELECT x FROM a WHERE x IS DISTINCT FROM 3) SELECT count(*) AS n FROM b`;

it('of a nested chain each SELECT is a line, the innermost first', () => {
  expect(sqlLines(chain, null)).toEqual([
    `a = SELECT x, ')' AS "q(" FROM input`,
    'b = SELECT x FROM a WHERE x IS DISTINCT FROM 3',
    'SELECT count(*) AS n FROM b',
  ]);
  const beside = 'WITH a AS (SELECT 1), b AS (SELECT 2) SELECT * FROM a, b';
  expect(sqlLines(beside, null)).toEqual([beside]);
});

it('what is too long for a line has a clause a line, and no line is longer than there is room', () => {
  expect(sqlLines(chain, 30)).toEqual([
    `a = SELECT x, ')' AS "q("`,
    '  FROM input',
    'b = SELECT x',
    '  FROM a',
    '  WHERE x IS DISTINCT FROM 3',
    'SELECT count(*) AS n FROM b',
  ]);
  const wide = sqlLines(`SELECT ${Array.from({ length: 30 }, (_, n) => `column_${n}`).join(', ')} FROM input`, 40);
  expect(wide.every((line) => line.length <= 40)).toBe(true);
  expect(wide.map((line) => line.trim()).join(' ')).toMatch(/^SELECT column_0, .*column_29 FROM input$/);
});

it('nothing in a text of the query steers the terminal', () => {
  expect(sqlLines(`SELECT '\n\u001b[31m' AS x FROM input`, 80)).toEqual([`SELECT '\\n\\x1b[31m' AS x FROM input`]);
});
