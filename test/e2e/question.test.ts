import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sqlText, textRows } from './duckdb.ts';
import { FanlakeCommand, fanlake } from './fanlake-command.ts';

const files = 3;
const rowsPerFile = 1_000;

let folder: string;
const run = (...args: readonly string[]) => fanlake(folder, 'run', '--input', 's*.csv', '--split-size', '4KB', ...args);
const scratch = () => (existsSync(join(folder, '.fanlake/scratch')) ? readdirSync(join(folder, '.fanlake/scratch')) : []);

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'fanlake-question-')));
  for (let file = 0; file < files; file++) {
    const rows = Array.from({ length: rowsPerFile }, (_, index) => {
      const id = file * rowsPerFile + index;
      return `${id},${'abcdefg'.charAt(id % 7)},${(id * 37) % 1_000}`;
    });
    writeFileSync(join(folder, `s${file}.csv`), `id,full name,amount\n${rows.join('\n')}\n`);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
/** Whatever was asked. */
afterEach(() => {
  expect(scratch()).toEqual([]);
  for (const name of ['work', 'lake']) expect(existsSync(join(folder, '.fanlake', name)), name).toBe(false);
});

const oracle = (query: string) => textRows(`WITH input AS (SELECT * FROM read_csv(${sqlText(join(folder, 's*.csv'))})) ${query}`);

describe('a query without a table', () => {
  const query = 'SELECT "full name", count(*) AS "how many", sum(amount) AS total FROM input GROUP BY 1 ORDER BY total DESC, 1';

  it('is answered as a table, in its own order and under its own names, and leaves no trace', async () => {
    const { code, stdout } = await run('--query', query);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^full name {2}how many +total$/);
    expect(lines.slice(2, -1).map((line) => line.split(/ +/))).toEqual(await oracle(query));
    expect(lines.at(-1)).toBe('7 rows');
    expect((await fanlake(folder, 'status', '--json')).stdout).toContain('"total": 0');
  });

  it('with --csv is a header and the rows, in the order of ORDER BY over all tasks; asked again it is answered again', async () => {
    const sorted = 'SELECT amount, id FROM input WHERE amount < 500 ORDER BY amount DESC, id';
    const expected = await oracle(sorted);
    for (const attempt of [1, 2]) {
      const { code, stdout } = await run('--query', sorted, '--csv');
      expect({ attempt, code, rows: stdout.split('\n').slice(1, -1) }).toEqual({
        attempt,
        code: 0,
        rows: expected.map((row) => row.join(',')),
      });
      expect(stdout.startsWith('amount,id\n')).toBe(true);
    }
  });

  it('may have columns of one name, and fields of any name, as one DuckDB prints them', async () => {
    const ask = async (asked: string) => (await run('--query', asked, '--csv')).stdout;
    expect(await ask('SELECT id, amount, id FROM input WHERE id < 2')).toBe('id,amount,id\n0,0,0\n1,37,1\n');
    expect(await ask('SELECT count(*), COUNT(*), sum(id) AS "ID", 1 AS id FROM input GROUP BY ()')).toBe(
      'count_star(),count_star(),ID,id\n3000,3000,4498500,1\n',
    );
    expect(await ask("SELECT max({'a b': id, 'Select': {'x,y': 1}}) AS m FROM input")).toBe('m\n"{""a b"":2999,""Select"":{""x,y"":1}}"\n');
    expect(await ask("SELECT {'a b': id, 'x=': [{'(': amount}]} AS m FROM input WHERE id < 1")).toBe(
      'm\n"{""a b"":0,""x="":[{""("":0}]}"\n',
    );
    const json = JSON.parse((await run('--query', 'SELECT id, id FROM input ORDER BY id LIMIT 1', '--json')).stdout) as { result: unknown };
    expect(json.result).toMatchObject({ columns: [{ name: 'id' }, { name: 'id' }], rows: [[0, 0]] });
  });

  it('over nothing but a header is a row where one DuckDB gives one, and names a column that is not there', async () => {
    writeFileSync(join(folder, 'header.csv'), 'k,v\n');
    const ask = (asked: string) => fanlake(folder, 'run', '--query', asked, '--input', 'header.csv', '--csv');
    expect(await ask('SELECT count(*) AS n, max(v) AS m, sum(k) AS s FROM input')).toMatchObject({ code: 0, stdout: 'n,m,s\n0,,\n' });
    expect(await ask('SELECT k, count(*) AS n FROM input GROUP BY k')).toMatchObject({ code: 0, stdout: 'k,n\n' });
    const { code, stderr } = await ask('SELECT max(w) AS m FROM input');
    expect([code, stderr]).toEqual([2, expect.stringContaining("There is no column 'w'")]);
  });

  it('has one time, whichever function asks for it in whichever task', async () => {
    const times = {
      'get_current_timestamp()': 'now',
      'transaction_timestamp()': 'now',
      'current_timestamp': 'now',
      'ago(INTERVAL 3 HOUR)': 'now - INTERVAL 3 HOUR',
      'current_date': 'now::DATE',
      'today()': 'now::DATE',
      'current_time': 'now::TIMETZ',
      'get_current_time()': 'now::TIMETZ',
      'localtime': 'now::TIMESTAMP::TIME',
      'current_localtime()': 'now::TIMESTAMP::TIME',
      'localtimestamp': 'now::TIMESTAMP',
      'current_localtimestamp()': 'now::TIMESTAMP',
      "age(TIMESTAMP '2024-02-29 12:00:00')": "age(now::DATE::TIMESTAMP, TIMESTAMP '2024-02-29 12:00:00')",
      "age(DATE '2026-03-01', DATE '2024-02-29')": "age(DATE '2026-03-01', DATE '2024-02-29')",
    };
    const before = Date.now();
    const items = Object.keys(times).map((call, index) => `${call} AS t${index}`);
    const { code, stdout, stderr } = await run('--query', `SELECT now() AS now, ${items.join(', ')} FROM input`, '--csv');
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const [, ...rows] = stdout.trimEnd().split('\n');
    expect([rows.length, new Set(rows).size]).toEqual([files * rowsPerFile, 1]);
    const now = (rows[0] ?? '').split(',')[0] ?? '';
    expect(Date.parse(now)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(now)).toBeLessThanOrEqual(Date.now());
    const asked = `SELECT now, ${Object.values(times).join(', ')} FROM (SELECT ${sqlText(now)}::TIMESTAMPTZ AS now)`;
    expect(rows[0]?.split(',')).toEqual((await textRows(asked))[0]);
    // beside what tasks share, in each stage
    const shared =
      "SELECT (id % 5) AS k, count(*) AS n, count(DISTINCT now()) AS times, max(now()) = now() AS same, bool_and(current_date = now()::DATE) AS date FROM input WHERE now() > TIMESTAMPTZ '2020-01-01' GROUP BY 1 ORDER BY 1";
    expect(await run('--query', shared, '--csv')).toMatchObject({
      code: 0,
      stdout: `k,n,times,same,date\n${[0, 1, 2, 3, 4].map((k) => `${k},600,1,true,true\n`).join('')}`,
    });
  });

  it('over files of which a column has different types names two of them', async () => {
    writeFileSync(join(folder, 'clash-0.csv'), 'k,v\na,1\n');
    writeFileSync(join(folder, 'clash-1.csv'), 'k,v\nb,1x\n');
    const ask = (asked: string) => fanlake(folder, 'run', '--query', asked, '--input', 'clash-*.csv', '--csv');
    const { code, stderr } = await ask('SELECT sum(v) AS s FROM input');
    expect(code).toBe(2);
    expect(stderr).toMatch(/Column 'v' is BIGINT in \S*clash-0\.csv and VARCHAR in \S*clash-1\.csv, so it is read as VARCHAR/);
    // the place is one of SQL that nobody has written
    const { stderr: cast } = await ask('SELECT k, sum(CAST(v AS INT)) AS s FROM input GROUP BY k');
    expect(cast).toMatch(
      /Could not convert string '1x' to INT32 when casting from source column v\. TRY_CAST in place of CAST takes such a value for NULL/,
    );
    expect(cast).not.toContain('LINE');
    // what takes texts is asked as they are
    expect(await ask('SELECT max(v) AS m FROM input')).toMatchObject({ code: 0, stdout: 'm\n1x\n' });
    const other = await ask('SELECT sum(k) AS s FROM input');
    expect([other.code, other.stderr]).toEqual([2, expect.not.stringContaining('is read as')]);
  });

  it('has types that no table holds', async () => {
    const asked =
      "SELECT INTERVAL 1 DAY * max(id) AS span, 170141183460469231731687303715884105727::HUGEINT AS most, TIME '10:00:00' AS at, TIMESTAMP_NS '2026-01-02 03:04:05.123456789' AS ns FROM input";
    const { code, stdout } = await run('--query', asked, '--csv');
    expect([code, stdout]).toEqual([0, `span,most,at,ns\n${(await oracle(asked)).join()}\n`]);
  });

  it('that meets a row that can’t be taken says what to type', async () => {
    const bad = join(folder, 'bad.csv');
    writeFileSync(bad, `id,n\n${'1,2\n'.repeat(2_000)}7,8,9\n3,4\n`);
    const asked = ['run', '--input', 'bad.csv', '--query', 'SELECT count(*) AS n FROM input', '--csv'];
    const { code, stderr } = await fanlake(folder, ...asked);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/bad\.csv, byte[\s\S]*the same command with --max-bad-rows <n>\n$/),
    });
    expect(await fanlake(folder, ...asked, '--max-bad-rows', '1')).toMatchObject({ code: 0, stdout: 'n\n2001\n' });
    rmSync(bad);
  });

  it('with --json is the receipt with the result, each row a list of values', async () => {
    const { code, stdout } = await run('--query', query, '--json', '--limit', '1');
    expect(code).toBe(0);
    const [first = []] = await oracle(query);
    const receipt = JSON.parse(stdout);
    expect(receipt).toMatchObject({ outcome: 'COMMITTED', rows: { read: files * rowsPerFile, written: 7 }, table: { path: '' } });
    expect(receipt.tasks.planned).toBeGreaterThan(files);
    expect(receipt.result).toEqual({
      columns: [
        { name: 'full name', type: 'VARCHAR' },
        { name: 'how many', type: 'BIGINT' },
        { name: 'total', type: 'HUGEINT' },
      ],
      rows: [[first[0], Number(first[1]), Number(first[2])]],
      more: true,
    });
  });

  it.each([
    ['SELECT count(*) AS n FROM input', 3_000],
    ['SELECT amount % 7 AS k, sum(id) AS s FROM input AS i GROUP BY ALL', 3_000],
    ['SELECT amount % 7 AS k, sum(id) AS s FROM input WHERE id < 700 GROUP BY ALL', 700],
    ['SELECT sum(id) AS s FROM (SELECT * FROM input WHERE id < 700)', 700],
    ['WITH few AS (SELECT * FROM input WHERE id < 700) SELECT max(amount) AS m FROM few', 700],
    ['SELECT k FROM (SELECT amount % 7 AS k, count(*) AS n FROM input GROUP BY ALL) WHERE n > 100000', 3_000],
  ])('says how many rows of the input its filters let pass: %s', async (filtered, passed) => {
    const { stdout } = await run('--query', filtered, '--json');
    const read = files * rowsPerFile;
    expect(JSON.parse(stdout)).toMatchObject({ rows: { read, passed, filtered: read - passed } });
  });

  it('that treats rows one by one gives them in the order of the input; without a row it has its columns', async () => {
    const { stdout } = await run('--query', 'SELECT id FROM input', '--csv');
    expect(stdout.split('\n').slice(1, -1)).toEqual(Array.from({ length: files * rowsPerFile }, (_, id) => String(id)));
    expect((await run('--query', 'SELECT id FROM input WHERE id < 0', '--csv')).stdout).toBe('id\n');
  });

  it('that fails says why on stderr and ends with 1; with --json the receipt has no result', async () => {
    const failing = ['--query', `SELECT error('no way') AS e FROM input WHERE id = 2999`];
    expect(await run(...failing)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/error: .*no way.*\[query\.failed\]/),
    });
    const { code, stdout } = await run(...failing, '--json');
    expect({ code, receipt: JSON.parse(stdout) }).toMatchObject({ code: 1, receipt: { outcome: 'FAILED', result: null } });
  });

  it.each([
    [['--csv', '--json'], 'exclude each other'],
    [['--partition-by', 'id'], '--partition-by is about a table'],
    [['--again'], '--again is about a table'],
    [['--table', 't', '--csv'], 'leave --table away'],
  ])('with %j is refused', async (options, why) => {
    const { code, stdout, stderr } = await run('--query', 'SELECT id FROM input', ...options);
    expect({ code, said: stdout + stderr }).toEqual({ code: 2, said: expect.stringContaining(why) });
  });

  it('interrupted keeps nothing; of one that was killed the next one removes what it left', async () => {
    const args = ['run', '--input', 's*.csv', '--split-size', '200', '--query', query];
    const interrupted = new FanlakeCommand(folder, args);
    await interrupted.says(' of ');
    interrupted.child.kill('SIGINT');
    expect(await interrupted.ended).toMatchObject({ code: 130, stdout: '', stderr: expect.stringContaining('Nothing is kept') });
    expect(scratch()).toEqual([]);
    const killed = new FanlakeCommand(folder, args, {}, true);
    await killed.says(' of ');
    await killed.killAll();
    expect(scratch().length).toBeGreaterThan(0);
    expect((await run('--query', query)).code).toBe(0);
  });
});
