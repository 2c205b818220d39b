import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FanlakeCommand, fanlake, starter } from './fanlake-command.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const birdStrikes = join(repository, 'node_modules/vega-datasets/data/birdstrikes.csv');

/** In no package: nothing here says what `fanlake` is, or that a .ts file is a module. */
let folder: string;
const run = (...args: readonly string[]) => fanlake(folder, ...args);
const load = ['run', '--query', 'SELECT * FROM input', '--table', 'people', '--input', 'people.csv'];

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'fanlake-cli-')));
  writeFileSync(join(folder, 'people.csv'), 'id,full name\n1,Anna\n2,"Bo, Jr"\n3,\n');
});
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

describe('help and mistakes', () => {
  it('version and help go to stdout and end with 0', async () => {
    const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { version: string };
    expect(await run('--version')).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
    const help = await run('run', '--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('Examples:\n  fanlake run');
  });

  it('a wrong command ends with 2, and with --json as one document', async () => {
    expect(await run('stauts')).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Did you mean status?') });
    const { code, stdout, stderr } = await run('status', 'nope', '--json');
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'run.unknown', message: expect.any(String), details: { id: 'nope' } } });
  });

  it('a missing input ends with 2 and leaves nothing behind', async () => {
    const { code, stderr } = await run('run', '--query', 'SELECT * FROM input', '--table', 't', '--input', 'poeple.csv');
    expect(code).toBe(2);
    expect(stderr).toContain("did you mean 'people.csv'?");
    expect(existsSync(join(folder, '.fanlake'))).toBe(false);
  });

  it('a stack trace is shown only on demand', async () => {
    expect((await run('status', 'nope')).stderr).not.toContain('    at ');
    const { stderr } = await new FanlakeCommand(folder, ['status', 'nope'], { FANLAKE_DEBUG: '1' }).ended;
    expect(stderr).toContain('    at ');
  });
});

describe('run', () => {
  it('commits once: the same command again says so, --again loads once more', async () => {
    const first = await run(...load, '--json');
    expect(first.code).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({
      outcome: 'COMMITTED',
      rows: { read: 3, passed: 3, written: 3 },
      table: { version: 0 },
    });
    const second = await run(...load);
    expect(second.code).toBe(0);
    expect(second.stdout).toMatch(/^ALREADY_COMMITTED .*\n[\s\S]*--again/);
    expect(await run(...load, '--again')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^COMMITTED /) });
    const { stdout } = await run('query', 'SELECT id, count(*) AS n FROM people GROUP BY id ORDER BY id', '--json');
    expect(JSON.parse(stdout).rows).toEqual([1, 2, 3].map((id) => ({ id, n: 2 })));
  });

  it('the path of the table can be typed where the command was typed, and the stored receipt is right from anywhere', async () => {
    const shown = async (at: string, ...args: readonly string[]) => {
      const { stdout } = await fanlake(at, ...args, '--json');
      return (JSON.parse(stdout) as { run: string; table: { path: string } }).table.path;
    };
    const home = join(folder, '.fanlake');
    const { run: id } = JSON.parse((await run(...load, '--json')).stdout) as { run: string };
    for (const args of [load, ['status', id], ['retry', id], ['cancel', id], ['explain', ...load.slice(1)]])
      expect(await shown(folder, ...args), args[0]).toBe('.fanlake/lake/people');
    expect(await shown(tmpdir(), 'status', id, '--home', home)).toBe(join(relative(realpathSync(tmpdir()), home), 'lake/people'));
    expect(await shown(join(repository, 'test'), 'status', id, '--home', home)).toBe(join(home, 'lake/people'));
    const stored = readFileSync(join(home, `lake/people/_fanlake/${id}/e0/outcome.json`), 'utf8');
    expect(JSON.parse(stored)).toMatchObject({ table: { path: join(home, 'lake/people') } });
    renameSync(home, join(folder, 'moved'));
    expect(await shown(folder, 'status', id, '--home', 'moved')).toBe('moved/lake/people');
  });

  it('a run that fails ends with 1, names the row, and its rows are to be seen with quarantine', async () => {
    writeFileSync(join(folder, 'people.csv'), 'id,name\n1,Anna\n2,Bo,Jr\n');
    const failed = await run(...load);
    expect(failed).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^FAILED [\s\S]*untouched\n[\s\S]*byte 15[\s\S]*\[rows\.bad\][\s\S]*--max-bad-rows <n>/),
    });
    const passed = await run(...load, '--max-bad-rows', '1', '--json');
    expect(passed.code).toBe(0);
    const receipt = JSON.parse(passed.stdout) as { run: string };
    expect(receipt).toMatchObject({ epoch: 1, rows: { read: 2, passed: 1, quarantined: 1 } });
    const set = JSON.parse((await run('quarantine', receipt.run, '--json')).stdout);
    expect(set.rows).toEqual([
      { object: join(folder, 'people.csv'), offset: 15, column: null, reason: expect.stringContaining('3 fields'), raw: '2,Bo,Jr' },
    ]);
    expect((await run('quarantine', receipt.run)).stdout).toContain('2,Bo,Jr');
  });

  it('a query with a typo ends with 2 and shows the place', async () => {
    const { code, stderr } = await run('run', '--query', 'SELECT idd FROM input', '--table', 't', '--input', 'people.csv');
    expect(code).toBe(2);
    expect(stderr).toContain('LINE 1: SELECT idd FROM input\n               ^');
    expect(stderr).toContain("did you mean 'id'?");
  });

  it('a table with a slash is that folder, and query finds it by its name', async () => {
    expect((await run('run', '--query', 'SELECT * FROM input', '--table', 'out/mine', '--input', 'people.csv')).code).toBe(0);
    expect(existsSync(join(folder, 'out/mine/_delta_log/00000000000000000000.json'))).toBe(true);
    expect(JSON.parse((await run('query', 'SELECT count(*) AS n FROM mine', '--json')).stdout).rows).toEqual([{ n: 3 }]);
  });

  it('a Hive table is read by its name too', async () => {
    const hive = ['--table-format', 'parquet', '--partition-by', 'id'];
    expect((await run(...load, ...hive)).code).toBe(0);
    const { stdout } = await run('query', 'SELECT id, full_name FROM people ORDER BY id', '--json');
    expect(JSON.parse(stdout).rows).toEqual([
      { id: 1, full_name: 'Anna' },
      { id: 2, full_name: 'Bo, Jr' },
      { id: 3, full_name: null },
    ]);
  });
});

describe('jobs', () => {
  const job = (name: string, limits = '{}') => `import { defineJob } from 'fanlake';
    export default defineJob({ name: '${name}', input: { format: 'csv' }, table: { name: 'people' }, limits: ${limits} });`;

  it("a job's file outside any package imports fanlake", async () => {
    writeFileSync(join(folder, 'my-job.ts'), job('mine'));
    const { code, stdout, stderr } = await run('run', './my-job.ts', '--input', 'people.csv', '--json');
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain('Warning');
    expect(JSON.parse(stdout)).toMatchObject({ job: 'mine', outcome: 'COMMITTED' });
  });

  it('a job is found by its name in jobs/index.ts, and an unknown one is named with the nearest', async () => {
    mkdirSync(join(folder, 'jobs'));
    writeFileSync(join(folder, 'jobs/one.ts'), job('first-job'));
    writeFileSync(join(folder, 'jobs/index.ts'), "import one from './one.ts';\nexport default [one];\n");
    expect(await run('run', 'first-job', '--input', 'people.csv')).toMatchObject({ code: 0 });
    const { code, stderr } = await run('run', 'frist-job', '--input', 'people.csv');
    expect(code).toBe(2);
    expect(stderr).toContain("did you mean 'first-job'?");
  });

  it('a job with mistakes ends with 2 and all of them', async () => {
    writeFileSync(join(folder, 'wrong.ts'), "export default { name: 'Wrong', inptu: {}, table: { name: 'x' } };");
    const { code, stderr } = await run('run', 'wrong.ts', '--input', 'people.csv');
    expect(code).toBe(2);
    expect(stderr).toMatch(/'name' must be.*'input' is missing.*'inptu' is not a key of a job \(did you mean 'input'\?\)/);
  });

  it("the repository's own job runs there", async () => {
    const args = ['run', 'bird-strikes', '--input', birdStrikes, '--home', join(folder, 'home'), '--json'];
    const { code, stdout, stderr } = await fanlake(repository, ...args);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rows: { read: 10_000, written: 10_000 } });
  });

  it('a run that is committed in part ends with 3 and names the missing range', async () => {
    writeFileSync(join(folder, 'job.ts'), job('part', '{ maxFailedTasks: 1 }'));
    writeFileSync(join(folder, 'odd.csv'), 'id,full name\n1,a,b\n');
    const { code, stdout } = await run('run', 'job.ts', '--input', 'people.csv', 'odd.csv', '--split-size', '1MiB');
    expect(code).toBe(3);
    expect(stdout).toMatch(/^PARTIAL [\s\S]*odd\.csv bytes \[0, 19\)[\s\S]*fanlake retry/);
  });
});

describe('an interrupted run', () => {
  const rows = 300_000;
  const args = [
    'run',
    '--query',
    'SELECT * FROM input',
    '--table',
    'numbers',
    '--input',
    'numbers.csv',
    '--split-size',
    '64KiB',
    '--workers',
    '2',
  ];

  beforeEach(() => {
    const lines = Array.from({ length: rows }, (_, id) => `${id},${id * 7}\n`);
    writeFileSync(join(folder, 'numbers.csv'), `id,n\n${lines.join('')}`);
  });

  async function interrupt(signal: NodeJS.Signals): Promise<void> {
    const command = new FanlakeCommand(folder, args);
    await command.says(' tasks, ');
    command.child.kill(signal);
    expect(await command.ended).toMatchObject({ code: 130, stdout: '', stderr: expect.stringContaining('the same command continues') });
  }

  it.each(['SIGINT', 'SIGTERM'] as const)('ends with 130 on %s, and the same command continues it to the same rows', async (signal) => {
    await interrupt(signal);
    const { code, stdout } = await run(...args, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ epoch: 0, outcome: 'COMMITTED', rows: { written: rows } });
    const sums = await run('query', 'SELECT count(*) AS n, count(DISTINCT id) AS ids, sum(n) AS total FROM numbers', '--json');
    expect(JSON.parse(sums.stdout).rows).toEqual([{ n: rows, ids: rows, total: (7 * rows * (rows - 1)) / 2 }]);
  });

  it('while it is planned, ends with 130 as well', async () => {
    const command = new FanlakeCommand(folder, args);
    await command.says('planning');
    command.child.kill('SIGINT');
    expect(await command.ended).toMatchObject({ code: 130, stdout: '' });
  });

  it('can be taken up by retry', async () => {
    await interrupt('SIGINT');
    expect(await run('retry', 'query-')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^COMMITTED /) });
    expect(await run('retry', 'query-')).toMatchObject({ code: 0, stdout: expect.stringContaining('committed already') });
  });

  it('can be cancelled: then it ends with 4 until --again, and a committed one can not', async () => {
    await interrupt('SIGINT');
    const before = JSON.parse((await run('status', 'query-', '--json')).stdout);
    expect(before).toMatchObject({ outcome: null, rows: { written: 0 }, table: { version: null, files: 0 } });
    expect((await run('cancel', 'query-')).code).toBe(0);
    expect(await run(...args)).toMatchObject({ code: 4, stdout: expect.stringMatching(/^CANCELLED [\s\S]*--again/) });
    expect((await run(...args, '--again')).code).toBe(0);
    const { runs } = JSON.parse((await run('status', '--json')).stdout) as { runs: readonly { run: string; outcome: string }[] };
    expect(runs.map(({ outcome }) => outcome)).toEqual(['COMMITTED', 'CANCELLED']);
    expect(await run('cancel', runs[0]?.run ?? '')).toMatchObject({ code: 1, stdout: expect.stringContaining('Too late') });
  });
});

describe('looking', () => {
  it('explain shows stages, dialect and cleaned names, and writes nothing', async () => {
    const args = ['--query', 'SELECT * FROM input', '--table', 'people', '--input', 'people.csv'];
    const { code, stdout } = await run('explain', ...args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/map: 1 task[\s\S]*delimiter ','[\s\S]*full name +VARCHAR +learned[\s\S]*full name -> full_name/);
    expect(existsSync(join(folder, '.fanlake'))).toBe(false);
    const split = JSON.parse((await run('explain', ...args, '--split-size', '16', '--json')).stdout);
    expect(split).toMatchObject({ stages: [{ stage: 'map', tasks: 2 }], query: { rowwise: true }, table: { version: null } });
    expect(split.why).toContain('--split-size 16 B cuts 1 object into 2 splits');
  });

  it('explain draws the stages of a query that looks at several rows at once, and writes nothing', async () => {
    const query = 'SELECT "full name" AS name, count(*) AS n FROM input GROUP BY name ORDER BY n DESC, name';
    const args = ['explain', '--query', query, '--table', 'people', '--input', 'people.csv'];
    const { stdout } = await run(...args, '--split-size', '16');
    const merges =
      /map {2}2 tasks of 2 splits[\s\S]*▼ rows meet by x0\n {2}merge 1 [\s\S]*▼ ranges of rows by c1 DESC, c0\n {2}merge 2 [\s\S]*ORDER BY[\s\S]*cost on AWS: \$0\.000/;
    expect(stdout).toMatch(merges);
    expect(existsSync(join(folder, '.fanlake'))).toBe(false);
    expect(JSON.parse((await run(...args, '--split-size', '16', '--json')).stdout)).toMatchObject({
      stages: [
        { stage: 'map', tasks: 2, keys: null, sql: expect.stringContaining('input') },
        { stage: 'merge 1', tasks: 1, mostTasks: 64, bytes: null, keys: ['x0'], sql: expect.stringContaining('parts') },
        { stage: 'merge 2', tasks: 1, mostTasks: 1, keys: [], order: ['c1 DESC', 'c0'], requests: { least: expect.any(Number) } },
      ],
      query: { rowwise: false, shareable: true, reason: expect.stringContaining('sorts') },
      cost: { currency: 'USD', least: { requests: expect.any(Number), functions: expect.any(Number) } },
    });
    const asked = await run(...args.filter((arg) => arg !== '--table' && arg !== 'people'));
    expect(asked).toMatchObject({ code: 0, stdout: expect.stringMatching(/Answer: printed[^\n]*\ncolumn/) });
    // a table would have a DECIMAL, and no INTERVAL
    const sums = 'SELECT sum(len("full name")) AS "the sum", to_days(1) * count(*) AS days FROM input';
    expect(JSON.parse((await run('explain', '--query', sums, '--input', 'people.csv', '--json')).stdout).table.columns).toEqual([
      { source: 'the sum', name: 'the sum', type: 'HUGEINT', castTo: null },
      { source: 'days', name: 'days', type: 'INTERVAL', castTo: null },
    ]);
    // of one task the query is run as it is
    expect(JSON.parse((await run(...args, '--json')).stdout)).toMatchObject({ stages: [{ stage: 'map', tasks: 1, sql: query }] });
  });

  it('status tells of the stages of a run that has some', async () => {
    const query = 'SELECT count(*) AS n FROM input';
    const args = ['--query', query, '--table', 'counts', '--input', 'people.csv', '--split-size', '16', '--json'];
    const { run: id } = JSON.parse((await run('run', ...args)).stdout) as { run: string };
    expect(JSON.parse((await run('status', id, '--json')).stdout)).toMatchObject({
      outcome: 'COMMITTED',
      stages: [
        { stage: 'map', tasks: { planned: 2, done: 2, failed: 0 }, rows: { taken: 3, handedOn: 2 } },
        { stage: 'merge 1', tasks: { planned: 1, done: 1, failed: 0 }, rows: { taken: 2, handedOn: 1 } },
      ],
    });
    expect((await run('status', id)).stdout).toMatch(/\nmap +2 of 2 +3 +2\nmerge 1 +1 of 1 +2 +1\n/);
    // what the stages handed on is read by nobody any more
    const kept = readdirSync(join(folder, '.fanlake/work'), { recursive: true, encoding: 'utf8' });
    expect(kept.filter((path) => path.includes(id) && path.endsWith('plan.json'))).toHaveLength(1);
    expect(kept.filter((path) => path.endsWith('.parquet'))).toEqual([]);
  });

  it('explain says why tasks can not share a query, and how to run it all the same', async () => {
    const args = ['explain', '--query', 'SELECT *, row_number() OVER () AS n FROM input', '--table', 'people', '--input', 'people.csv'];
    const refused = await run(...args, '--split-size', '16');
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/order of rows.*--allow-single-task/) });
    expect(JSON.parse((await run(...args, '--json')).stdout)).toMatchObject({ stages: [{ tasks: 1 }], query: { shareable: false } });
  });

  it('status lists the runs, and tells one by the beginning of its id', async () => {
    expect((await run('status')).stdout).toContain('No runs');
    await run(...load);
    const { stdout } = await run('status');
    expect(stdout).toMatch(/query-[0-9a-f]{8}-[0-9a-f]{20} +COMMITTED/);
    expect(JSON.parse((await run('status', 'query-', '--json')).stdout)).toMatchObject({ outcome: 'COMMITTED', rows: { read: 3 } });
  });

  it('a beginning that several runs have is told with those runs, and ends with 2', async () => {
    await run(...load);
    await run(...load, '--again');
    const { code, stdout } = await run('status', 'query-', '--json');
    expect(code).toBe(2);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string; details: { runs: readonly string[] } } };
    expect(error).toMatchObject({ code: 'run.ambiguous', details: { id: 'query-', found: 2 } });
    expect(error.details.runs).toHaveLength(2);
    for (const name of error.details.runs) expect(error.message).toContain(`\n  ${name}`);
    const [first = ''] = error.details.runs;
    expect(await run('status', first)).toMatchObject({ code: 0, stdout: expect.stringContaining(first) });
  });

  it('query prints whole numbers as numbers with all their digits', async () => {
    await run(...load);
    const { stdout } = await run('query', 'SELECT 9007199254740993 AS large, count(*) AS n, 1.50 AS d FROM people', '--json');
    expect(stdout).toContain('"large": 9007199254740993,');
    expect(stdout).toContain('"n": 3,');
    expect(stdout).toContain('"d": "1.50"');
  });

  it('query shows which tables there are', async () => {
    await run(...load);
    const { stdout } = await run('query', 'SHOW TABLES', '--json');
    expect(JSON.parse(stdout).rows).toEqual([{ name: 'people' }]);
  });

  it('query names the nearest table, and shows the place of a typo', async () => {
    await run(...load);
    expect(await run('query', 'SELECT * FROM poeple')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("did you mean 'people'?"),
    });
    expect(await run('query', 'SELECT * FORM people')).toMatchObject({ code: 2, stderr: expect.stringMatching(/LINE 1: .*\n +\^/) });
    expect((await run('query', 'SELECT * FROM people ORDER BY id')).stdout).toContain(' 2  Bo, Jr\n');
  });

  it('a reader that stops early is no error', async () => {
    await run(...load);
    const command = `"${process.execPath}" "${starter}" query "SELECT * FROM people, range(100000)" | head -n 1`;
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', command], { cwd: folder });
    expect(stdout).toMatch(/^id /);
    expect(stderr).toBe('');
  });
});
