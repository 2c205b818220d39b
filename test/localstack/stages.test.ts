import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sorted, sqlText, tableRows, textRows } from '../e2e/duckdb.ts';
import { FanlakeCommand } from '../e2e/fanlake-command.ts';
import { type Deployment, deployment, type Outcome, onLocalStack, stackName } from './deployment.ts';
import { emulator } from './emulator.ts';
import { killWorkersInTheMiddle, taskLines } from './task-lines.ts';

const files = 12;
const rowsOfFile = 2_000;
const groups = 20_000;

/** Rows of a file: keys that come in several files, one of them in every second row, and some without a key. */
const csv = (file: number): string =>
  `id,k,v\n${Array.from({ length: rowsOfFile }, (_, row) => {
    const id = file * rowsOfFile + row;
    const key = id % 2 === 0 ? 'many' : id % 31 === 0 ? '' : `k${(id * 7919) % 97}`;
    return `${id},${key},${(id * 104_729) % 1_009}\n`;
  }).join('')}`;

/** Some seconds for all groups, so that there is a middle to be killed in; the worker has 40, on a busy machine. */
const work = Array.from({ length: 30 }, (_, k) => `list_sum(list_transform(range(600), lambda x: (x * sum(id)::BIGINT + ${k}) % 7))`).join(
  ' + ',
);

onLocalStack('a query that tasks share', () => {
  let stack: Deployment;
  let folder: string;
  let input: string;

  beforeAll(async () => {
    stack = await deployment();
    folder = mkdtempSync(join(tmpdir(), 'fanlake-stages-'));
    for (let file = 0; file < files; file++) {
      writeFileSync(join(folder, `${file}.csv`), csv(file));
      await stack.upload(`stages/${file}.csv`, csv(file));
    }
    input = `(SELECT * FROM read_csv(${sqlText(join(folder, '*.csv'))}, header = true, columns = {id: 'BIGINT', k: 'VARCHAR', v: 'BIGINT'}))`;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = (query: string, table: string): FanlakeCommand => {
    const given = ['--input', 'stages/*.csv', '--split-size', '16KiB', '--stack', stackName, '--json'];
    return new FanlakeCommand(folder, ['run', '--query', query, '--table', table, ...given]);
  };

  async function expectAnswer(command: FanlakeCommand, query: string, table: string): Promise<Outcome> {
    const { code, stdout, stderr } = await command.ended;
    expect(code, stdout + stderr).toBe(0);
    const expected = await textRows(query.replace('FROM input', `FROM ${input} AS input`));
    const outcome = JSON.parse(stdout) as Outcome;
    expect(outcome.rows).toMatchObject({ read: files * rowsOfFile, written: expected.length });
    expect(sorted(await tableRows(await stack.fetchTable(table, folder)))).toEqual(sorted(expected));
    return outcome;
  }

  it('gives the answer of one DuckDB through three stages: partial groups, whole groups, the first of them', async () => {
    const query =
      'SELECT k, count(*) AS n, sum(v)::BIGINT AS s, count(DISTINCT v) AS d FROM input WHERE v > 3 GROUP BY k ORDER BY s DESC, k LIMIT 40';
    const { tasks } = await expectAnswer(run(query, 'stages_top'), query, 'stages_top');
    // the tasks over splits, and one of each merge stage at least
    expect(tasks.planned).toBeGreaterThanOrEqual(2 * files + 2);
    const plans = await stack.keys('WorkBucket', 'runs/query-');
    expect(plans.filter((key) => /\/s[12]\/tasks\.json$/.test(key)).length).toBeGreaterThanOrEqual(2);
  });

  it('survives that its workers are killed while they merge', async (context) => {
    const { lambdaLogs } = emulator;
    if (process.platform !== 'linux' || lambdaLogs === null) {
      return context.skip('a function can only be killed where it is a process that we started, on Linux');
    }
    const query = `SELECT id % ${groups} AS g, count(*) AS n, (${work})::BIGINT AS w FROM input GROUP BY g`;
    const command = run(query, 'stages_killed');
    const [, job = ''] = / for (query-\w+): /.exec(await command.says(' objects,')) ?? [];
    const merges = { job, merges: true };
    const begun = await killWorkersInTheMiddle(lambdaLogs, merges);
    await expectAnswer(command, query, 'stages_killed');
    const after = taskLines(lambdaLogs, merges);
    expect(after.begun).toBeGreaterThan(begun);
    expect(after.begun).toBeGreaterThan(after.ended);
  });
});
