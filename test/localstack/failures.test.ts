import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LambdaClient, ListFunctionsCommand, UpdateFunctionConfigurationCommand, waitUntilFunctionUpdatedV2 } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sorted, tableRows, textRows } from '../e2e/duckdb.ts';
import { command, type Deployment, deployment, onLocalStack, stackName, until } from './deployment.ts';
import { emulator } from './emulator.ts';
import { killWorkersInTheMiddle, taskLines } from './task-lines.ts';

const numbers = (from: number, count: number): string => `n\n${Array.from({ length: count }, (_, n) => `${from + n}\n`).join('')}`;

/** Some seconds of work: the second attempt has half the threads, and must be done within the worker's 40 s on a busy machine. */
const killedRows = 80_000;

/** Rows whose lists need 1.6 GB, and the worker has 1. */
const tooMuch = 'n\n200000000\n';

onLocalStack('what goes wrong', () => {
  let stack: Deployment;
  let folder: string;

  // they take minutes, side by side
  beforeAll(async () => {
    stack = await deployment();
    folder = mkdtempSync(join(tmpdir(), 'fanlake-failures-'));
    await stack.upload('memory/a.csv', tooMuch);
    // ten minutes of work, in one split
    await stack.upload('slow/a.csv', `n\n${'7\n'.repeat(6_000_000)}`);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const fanlake = (...args: readonly string[]) => command('node', ['bin/fanlake.mjs', ...args, '--stack', stackName]);

  /** Whether the function that told of a run's end counted it. Runs of other tests fail at the same time, elsewhere or before. */
  async function isCounted(run: string, metric: string): Promise<boolean> {
    const lines = await stack.logLines();
    const told = lines.findIndex((line) => line['run'] === run && String(line['message']).startsWith('run ended: '));
    const after = lines.slice(told).filter(({ stream }) => stream === lines[told]?.stream);
    return told >= 0 && Number(after.find((line) => line['_aws'] !== undefined)?.[metric] ?? 0) > 0;
  }

  it('a worker that is killed in the middle of a task leaves it to the next, and every row is there once', async (context) => {
    const { lambdaLogs } = emulator;
    if (process.platform !== 'linux' || lambdaLogs === null) {
      return context.skip('a function can only be killed where it is a process that we started, on Linux');
    }
    const killed = { job: 'killed' };
    await stack.upload('killed/a.csv', numbers(0, killedRows));
    const begun = await killWorkersInTheMiddle(lambdaLogs, killed);
    const [outcome] = await stack.outcomes('killed', 1);
    expect(outcome).toMatchObject({ outcome: 'COMMITTED', rows: { read: killedRows, written: killedRows } });
    const after = taskLines(lambdaLogs, killed);
    expect(after.begun).toBeGreaterThan(begun);
    expect(after.begun).toBeGreaterThan(after.ended);
    const rows = await tableRows(await stack.fetchTable('killed', folder));
    expect(new Set(rows.map(([n]) => n)).size).toBe(killedRows);
    expect(rows).toHaveLength(killedRows);
  });

  it('a poison file fails its own run with its reason, and the good ones around it are committed', async () => {
    for (let file = 0; file < 6; file++) await stack.upload(`poison/${file}.csv`, file === 3 ? 'n\n1\nhello\n' : numbers(10 * file, 10));
    const outcomes = await stack.outcomes('poison', 6);
    const failed = outcomes.filter(({ outcome }) => outcome !== 'COMMITTED');
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatchObject({ outcome: 'FAILED', error: { code: 'rows.bad' }, rows: { written: 0 } });
    expect(failed[0]?.error?.message).toMatch(/poison\/3\.csv, byte 4, column 'n'/);
    const good = [0, 1, 2, 4, 5].map((file) => `FROM range(${10 * file}, ${10 * file + 10}) t(n)`).join(' UNION ALL ');
    expect(sorted(await tableRows(await stack.fetchTable('poison', folder)))).toEqual(sorted(await textRows(good)));
    // what the alarm looks at, and no row's content in a log
    await until('the failed run is counted', () => isCounted(failed[0]?.run ?? '', 'RunsFailed'));
    expect((await stack.logs()).some(({ message }) => message.includes('hello'))).toBe(false);
  });

  it('a task that is not done in its time fails its run, which says so and what to do', async () => {
    const [outcome] = await stack.outcomes('slow', 1);
    expect(outcome).toMatchObject({ outcome: 'FAILED', error: { code: 'task.timeout' }, rows: { written: 0 } });
    expect(outcome?.error?.message).toMatch(/not done in the time that the function has.*memory.*--split-size/s);
    expect(await stack.metric('DeadlineExceeded')).toBeGreaterThan(0);
  });

  it('a task that its function never has the memory for fails its run; with more memory `retry` loads it', {
    timeout: 600_000,
  }, async () => {
    const [outcome] = await stack.outcomes('memory', 1);
    expect(outcome).toMatchObject({ outcome: 'FAILED', error: { code: 'task.died' }, rows: { written: 0 } });
    expect(await stack.metric('DeadLetters')).toBeGreaterThan(0);
    await giveWorkersMemory(3_072);
    const { code, output } = await fanlake('retry', outcome?.run ?? '');
    expect([code, output]).toEqual([0, expect.stringContaining('COMMITTED')]);
    expect((await tableRows(await stack.fetchTable('memory', folder))).flat()).toEqual(['200000000', '200000000']);
  });
});

async function giveWorkersMemory(megabytes: number): Promise<void> {
  const client = new LambdaClient({ endpoint: emulator.endpoint, region: 'us-east-1' });
  const { Functions: functions = [] } = await client.send(new ListFunctionsCommand({}));
  const FunctionName = functions.find(({ FunctionName: name }) => name?.startsWith(`${stackName}-FanlakeWorker`))?.FunctionName;
  if (FunctionName === undefined) throw new Error('the stack has no worker');
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, MemorySize: megabytes }));
  await waitUntilFunctionUpdatedV2({ client, maxWaitTime: 60 }, { FunctionName });
  client.destroy();
}
