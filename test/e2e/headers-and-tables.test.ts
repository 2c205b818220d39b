import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runSql, sorted, sqlText, tableRows } from './duckdb.ts';
import { WarmHome } from './warm-home.ts';

let home: WarmHome;
beforeAll(async () => {
  home = await WarmHome.open();
});
afterAll(() => home.close());

describe('one folder', () => {
  test.each([
    ['delta', 'parquet'],
    ['parquet', 'delta'],
  ] as const)('never holds a %s table and a %s table, whose rows would hide each other', async (first, second) => {
    const table = home.newTable();
    expect(await home.run({ input: [home.file('a.csv', 'a,b\n1,x\n')], table, tableFormat: first })).toMatchObject({ exitCode: 0 });
    const ended = await home.run({ input: [home.file('b.csv', 'a,b\n2,y\n')], table, tableFormat: second });
    expect(ended).toMatchObject({ exitCode: 2, error: { code: 'table.unsupported' } });
  });
});

describe('a table of Hive folders', () => {
  test('keeps its types: what does not fit them is a bad row', async () => {
    const table = home.newTable();
    const tableFormat = 'parquet';
    expect(await home.run({ input: [home.file('a.csv', 'a,b\n1,x\n')], table, tableFormat })).toMatchObject({ exitCode: 0 });
    const ended = await home.run({ input: [home.file('b.csv', 'a,b\nfoo,y\n')], table, tableFormat });
    expect(ended).toMatchObject({ exitCode: 1, error: { code: 'rows.bad' } });
  });

  test('keeps its partitions', async () => {
    const table = home.newTable();
    const wanted = { table, tableFormat: 'parquet' } as const;
    expect(await home.run({ ...wanted, input: [home.file('a.csv', 'a,b,c\n1,x,y\n')], partitionBy: ['b'] })).toMatchObject({ exitCode: 0 });
    const ended = await home.run({ ...wanted, input: [home.file('b.csv', 'a,b,c\n2,x,y\n')], partitionBy: ['c'] });
    expect(ended).toMatchObject({ exitCode: 2, error: { code: 'table.partitions' } });
  });
});

test('rows of Parquet that do not fit the table are set aside by their numbers, and the others are loaded', async () => {
  const table = home.newTable();
  expect(await home.run({ input: [home.file('a.csv', 'x\n1\n')], table })).toMatchObject({ exitCode: 0 });
  const path = home.file('b.parquet', '');
  await runSql(`COPY (SELECT * FROM (VALUES ('abc'), ('7')) AS t(x)) TO ${sqlText(path)} (FORMAT parquet)`);
  const refused = await home.run({ input: [path], table });
  expect(refused).toMatchObject({ exitCode: 1, error: { code: 'rows.bad', details: { found: 1, first: [{ offset: 0, column: 'x' }] } } });
  const other = home.file('c.parquet', '');
  await runSql(`COPY (SELECT * FROM (VALUES ('abc'), ('7')) AS t(x)) TO ${sqlText(other)} (FORMAT parquet)`);
  const taken = await home.run({ input: [other], table, maxBadRows: 1 });
  expect(taken).toMatchObject({ exitCode: 0, receipt: { rows: { read: 2, quarantined: 1, passed: 1, written: 1 } } });
  expect(sorted(await tableRows(home.tablePath(table)))).toEqual(sorted([['1'], ['7']]));
});

describe('a first record that looks like data is a header', () => {
  const text = 'name,city\nalice,paris\nbob,city\n';
  const rows = sorted([
    ['alice', 'paris'],
    ['bob', 'city'],
  ]);

  test('when the job declares its names', async () => {
    const table = home.newTable();
    const columns = { name: 'VARCHAR', city: 'VARCHAR' };
    expect(await home.run({ input: [home.file('a.csv', text)], table, columns })).toMatchObject({ exitCode: 0 });
    expect(sorted(await tableRows(home.tablePath(table)))).toEqual(rows);
  });

  test('when another object of the run has it as its own', async () => {
    const table = home.newTable();
    const input = [home.file('a.csv', 'name,city\ncarol,rome\n'), home.file('b.csv', text)];
    expect(await home.run({ input, table })).toMatchObject({ exitCode: 0 });
    expect(sorted(await tableRows(home.tablePath(table)))).toEqual(
      sorted([
        ['carol', 'rome'],
        ['alice', 'paris'],
        ['bob', 'city'],
      ]),
    );
  });
});
