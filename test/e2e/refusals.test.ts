import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../functions/core/errors.ts';
import { parseJob } from '../../functions/core/job.ts';
import { deltaLog, sorted, sqlText, tableRows, textRows } from './duckdb.ts';
import { type Ended, FanlakeCommand, fanlake } from './fanlake-command.ts';
import { goodRows, refuse } from './refusal.ts';
import { WarmHome } from './warm-home.ts';

// What is wrong with a query, a job, a command or the machine: the exit code, the code, a message that says what to do, and a table that is as it was.
let home: WarmHome;
beforeAll(async () => {
  home = await WarmHome.open();
});
afterAll(() => home.close());

describe('a query that can’t be run ends with 2 before anything is planned', () => {
  test.each<[string, string, ErrorCode, readonly RegExp[]]>([
    ['a typo', 'SELEC a FROM input', 'query.syntax', [/LINE 1|SELEC/]],
    ['a typo later on', 'SELECT a,\n  b FORM input', 'query.syntax', [/at or near/]],
    ['a column that isn’t there', 'SELECT a, bb FROM input', 'query.column', [/LINE 1/, /bb/, /did you mean 'b'/i]],
    ['an unknown function', 'SELECT uper(b) AS b FROM input', 'query.function', [/uper/]],
    ['another table', 'SELECT * FROM other', 'query.forbidden', [/input/]],
    ['read_csv', "SELECT * FROM read_csv('/etc/passwd')", 'query.forbidden', [/read_csv/]],
    ['a file by its name', "SELECT * FROM '/etc/passwd'", 'query.forbidden', [/passwd/]],
    ['a file in a subquery', "SELECT a, (SELECT count(*) FROM read_text('/etc/passwd')) AS b FROM input", 'query.forbidden', [/read_text/]],
    ['glob', "SELECT a, b FROM input, glob('/etc/*')", 'query.forbidden', [/glob/]],
    ['query()', "SELECT * FROM query('SELECT 1')", 'query.forbidden', [/query/]],
    ['query_table()', "SELECT * FROM query_table('input')", 'query.forbidden', [/query_table/]],
    ['getenv', "SELECT a, getenv('HOME') AS b FROM input", 'query.forbidden', [/getenv/]],
    ['another statement', 'DELETE FROM input', 'query.unsupported', [/SELECT/]],
    ['two statements', 'SELECT a, b FROM input; SELECT 1', 'query.unsupported', [/one SELECT/]],
    ['a column that the table doesn’t have', "SELECT a, b, 'x' AS extra FROM input", 'table.schema', [/extra/]],
    ['two output columns of one name', 'SELECT a, b AS A FROM input', 'table.name', [/A/]],
    ['a type that Delta lacks', 'SELECT a, INTERVAL 1 DAY AS b FROM input', 'table.type', [/'b'/, /INTERVAL/, /CAST/]],
  ])('%s', async (_what, query, code, says) => {
    await refuse(home, [home.file('a.csv', goodRows)], { exitCode: 2, code, says }, { query });
  });

  test('a partition column that isn’t there', async () => {
    const ended = await home.run({ input: [home.file('a.csv', goodRows)], table: home.newTable(), partitionBy: ['country'] });
    expect(ended).toMatchObject({ exitCode: 2, error: { code: 'table.partitions', message: expect.stringMatching(/country.*'a', 'b'/) } });
  });

  test.each(['INTERVAL 1 DAY', "'101'::BIT", "TIMESTAMP_NS '2024-01-01 00:00:00.123456789'", 'union_value(x := 1)'])(
    'a new table can’t have %s',
    async (value) => {
      const ended = await home.run({
        input: [home.file('a.csv', goodRows)],
        table: home.newTable(),
        query: `SELECT ${value} AS v, a FROM input`,
      });
      expect(ended).toMatchObject({ exitCode: 2, error: { code: 'table.type', message: expect.stringMatching(/'v'/) } });
    },
  );
});

test('an error in the query’s own expressions is not a bad row, whatever may be set aside', async () => {
  const refusal = { exitCode: 1, code: 'query.failed', says: [/Conversion Error|Could not convert/, /'y'/] } as const;
  await refuse(home, [home.file('a.csv', goodRows)], refusal, { query: 'SELECT b::BIGINT AS a, b FROM input', maxBadRows: 100 });
});

test('more than 100 lake partitions in a task are refused by number', async () => {
  const table = home.newTable();
  const path = home.file('a.csv', `a,b\n${Array.from({ length: 101 }, (_, i) => `${i},x`).join('\n')}\n`);
  const ended = await home.run({ input: [path], table, partitionBy: ['a'] });
  expect(ended).toMatchObject({ exitCode: 1, error: { code: 'table.partitions', message: expect.stringMatching(/101.*100/s) } });
  expect(deltaLog(home.tablePath(table)).versions).toEqual([]);
});

test('more than a million tasks are refused with the smallest split size that fits, which does', async () => {
  const table = home.newTable();
  const path = home.file('a.csv', Buffer.concat([Buffer.from('a,b\n'), Buffer.alloc(2_500_000, '1,x\n')]));
  const ended = await home.run({ input: [path], table, splitBytes: 1 });
  expect(ended).toMatchObject({ exitCode: 2, error: { code: 'plan.too-large' } });
  const smallest = Number(/--split-size (\d+)/.exec(ended.error?.message ?? '')?.[1]);
  expect(Math.ceil(2_500_004 / smallest)).toBeLessThanOrEqual(1_000_000);
  expect(Math.ceil(2_500_004 / (smallest - 1))).toBeGreaterThan(1_000_000);
});

describe('a declaration', () => {
  test.each([
    ['a job’s name with capitals', { name: 'Birds', input: {}, table: { name: 'birds' } }, [/Birds/, /a-z, 0-9 and '-'/]],
    [
      'an unknown key',
      { name: 'birds', qeury: 'SELECT 1', input: {}, table: { name: 'birds', partitionedBy: ['a'] } },
      [/'qeury'.*did you mean 'query'/i, /'table\.partitionedBy'.*did you mean 'partitionBy'/i],
    ],
    ['a table’s name with a dash', { name: 'birds', input: {}, table: { name: 'my-birds' } }, [/my-birds/]],
  ])('%s is job.invalid, all mistakes in one message', (_what, declaration, says) => {
    for (const text of says) expect(() => parseJob(declaration)).toThrow(text);
    expect(() => parseJob(declaration)).toThrow(expect.objectContaining({ code: 'job.invalid' }));
  });
});

describe('the command', () => {
  let folder: string;
  beforeAll(() => {
    folder = join(home.folder, 'command');
    mkdirSync(folder);
    writeFileSync(join(folder, 'good.csv'), goodRows);
    writeFileSync(join(folder, 'bad.csv'), 'a,b\n2,y\n3\n');
  });
  const base = ['run', '--query', 'SELECT * FROM input', '--table', 'x', '--json'];

  test.each<[string, readonly string[], number, ErrorCode, RegExp]>([
    ['bad rows', ['--input', 'bad.csv'], 1, 'rows.bad', /byte 8/],
    ['a glob that matches nothing', ['--input', '*.tsv'], 2, 'input.none', /\*\.tsv/],
    ['a split size of 0', ['--input', 'good.csv', '--split-size', '0'], 2, 'usage', /--split-size.*1 or more/s],
    ['a split size that is nonsense', ['--input', 'good.csv', '--split-size', 'big'], 2, 'usage', /--split-size.*64MiB/s],
    ['a table’s name with capitals', ['--input', 'good.csv', '--table', 'Birds'], 2, 'job.invalid', /Birds/],
  ])('%s', async (_what, args, exitCode, code, says) => {
    const ended = await fanlake(folder, ...base, ...args);
    expect(ended).toMatchObject({ code: exitCode });
    expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code, message: expect.stringMatching(says) } });
    expect(readdirSync(folder).includes('.fanlake') ? deltaLog(join(folder, '.fanlake', 'lake', 'x')).versions : []).toEqual([]);
  });

  test('a home that is a file', async () => {
    writeFileSync(join(folder, 'file'), '');
    const ended = await fanlake(folder, ...base, '--input', 'good.csv', '--home', 'file');
    expect(ended).toMatchObject({ code: 2 });
    expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: 'usage', message: expect.stringMatching(/--home file is a file/) } });
  });

  test('a home in a place where no folder can be made, and at once', async (context) => {
    if (!existsSync('/proc/self')) context.skip('this machine has no /proc to try it in');
    const ended = await fanlake(folder, ...base, '--input', 'good.csv', '--home', '/proc/nowhere');
    expect(ended).toMatchObject({ code: 1 });
    expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: 'store.denied', message: expect.stringMatching(/nowhere/) } });
  });
});

/** Kills a command that doesn't end, so that it is a failed test and nothing worse. */
function endsWithin(ms: number, command: FanlakeCommand): Promise<Ended> {
  const timer = setTimeout(() => command.child.kill('SIGKILL'), ms);
  return command.ended.finally(() => clearTimeout(timer));
}

/** Mounts a file system of its own; null with the reason when this user may not. */
function mount(args: readonly string[]): string | null {
  try {
    execFileSync('mount', args, { stdio: 'pipe' });
    return null;
  } catch (thrown) {
    return `no file system can be mounted here: ${String(thrown).split('\n')[0]}`;
  }
}

test('a full disk is store.full, and the table is as it was; with space the same command goes through', async (context) => {
  const disk = join(home.folder, 'disk');
  mkdirSync(disk);
  const reason = mount(['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk]);
  if (reason !== null) return context.skip(reason);
  const load = (input: string): Promise<Ended> => {
    const args = ['run', '--query', 'SELECT * FROM input', '--table', 'x', '--json', '--input', input, '--home', join(disk, 'home')];
    return endsWithin(60_000, new FanlakeCommand(home.folder, args));
  };
  try {
    const table = join(disk, 'home/lake/x');
    expect(await load(home.file('a.csv', 'a,b\n1,x\n'))).toMatchObject({ code: 0 });
    const rows = 300_000;
    const noise = Array.from({ length: rows }, (_, i) => `${i},${Math.sin(i)}${Math.cos(i)}\n`).join('');
    const input = home.file('big.csv', `a,b\n${noise}`);
    const ballast = join(disk, 'ballast');
    writeFileSync(ballast, Buffer.alloc(20 << 20));
    for (const full of [await load(input), await load(input)]) {
      expect(full, full.stdout).toMatchObject({ code: 1 });
      expect(JSON.parse(full.stdout)).toMatchObject({ error: { code: 'store.full' } });
      expect(deltaLog(table).versions).toEqual([0]);
      expect(await tableRows(table)).toEqual([['1', 'x']]);
    }
    rmSync(ballast);
    const ended = await load(input);
    expect(ended, ended.stdout).toMatchObject({ code: 0 });
    expect(JSON.parse(ended.stdout)).toMatchObject({ outcome: 'COMMITTED', rows: { read: rows, written: rows } });
    const oracle = await textRows(
      `SELECT * FROM read_csv(${sqlText(input)}, auto_detect = false, parallel = false, header = true, delim = ',', columns = {a: 'BIGINT', b: 'VARCHAR'})`,
    );
    expect(sorted(await tableRows(table))).toEqual(sorted([['1', 'x'], ...oracle]));
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
});

test('a lake that can’t be written is store.denied and names the place', async (context) => {
  const lake = join(home.folder, 'read-only-home', 'lake');
  mkdirSync(lake, { recursive: true });
  const reason = mount(['--bind', lake, lake]) ?? mount(['-o', 'remount,bind,ro', lake]);
  if (reason !== null) return context.skip(reason);
  try {
    const args = [
      'run',
      '--query',
      'SELECT * FROM input',
      '--table',
      'x',
      '--json',
      '--input',
      home.file('a.csv', goodRows),
      '--home',
      join(lake, '..'),
    ];
    const ended = await endsWithin(30_000, new FanlakeCommand(home.folder, args));
    expect(ended).toMatchObject({ code: 1 });
    expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: 'store.denied', message: expect.stringContaining(lake) } });
  } finally {
    execFileSync('umount', ['-l', lake]);
  }
});
