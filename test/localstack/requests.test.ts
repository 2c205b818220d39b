import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, inject, it } from 'vitest';
import { type Deployment, deployment, onLocalStack } from './deployment.ts';
import { requestRun } from './request-run.ts';

/** Requests that are money, by the names that LocalStack's log has for them. */
type Counts = Readonly<Record<string, number>>;

/** What LocalStack has answered so far. It logs each request that comes over HTTP: those of the functions and of the tests, not its own poller's. */
function answered(lambdaLogs: string): Counts {
  const log = readFileSync(join(dirname(lambdaLogs), 'localstack.log'), 'utf8');
  const counts: Record<string, number> = {};
  for (const [, request = ''] of log.matchAll(/AWS ((?:s3|sqs|events)\.\w+) => \d+/g)) counts[request] = (counts[request] ?? 0) + 1;
  return counts;
}

/** What came between two counts. */
function between(before: Counts, after: Counts): Counts {
  const all = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
  return Object.fromEntries(all.filter(([, count]) => count > 0));
}

onLocalStack('the requests of a run', () => {
  let stack: Deployment;
  beforeAll(async () => {
    stack = await deployment();
  });

  /** Runs something and waits until no request comes any more, without a request of its own. */
  async function requestsOf(lambdaLogs: string, begin: () => Promise<unknown>, quietMs: number): Promise<Counts> {
    const before = answered(lambdaLogs);
    await begin();
    let [last, quietSinceMs] = [answered(lambdaLogs), Date.now()];
    while (Date.now() - quietSinceMs < quietMs) {
      await sleep(200);
      const now = answered(lambdaLogs);
      if (JSON.stringify(now) !== JSON.stringify(last)) [last, quietSinceMs] = [now, Date.now()];
    }
    return between(before, last);
  }

  it('of one task into a table that exists are these', async (context) => {
    const { lambdaLogs } = inject('emulator');
    if (lambdaLogs === null) return context.skip('the log of an emulator that was given is not ours to read');
    // the table is there, and every function has read its log
    for (const name of ['a', 'b']) {
      await stack.upload(`counted/${name}.csv`, 'n\n1\n');
      await stack.outcomes('counted', name === 'a' ? 1 : 2);
    }
    const counts = await requestsOf(lambdaLogs, () => stack.upload('counted/c.csv', 'n\n1\n'), 3_000);
    expect((await stack.outcomes('counted', 3)).map(({ outcome }) => outcome)).toEqual(['COMMITTED', 'COMMITTED', 'COMMITTED']);
    expect(counts).toEqual({
      // the plan and a note of it, the data file, the part, the decision, the log's entry and the outcome; and the upload itself
      's3.PutObject': 7 + 1,
      // the upload's head and whole, the plan twice, the part, and what is new in the table's log, twice
      's3.GetObject': 7,
      // the run's ledger and the table's log when it is planned; the log before and after the decision when it is committed
      's3.ListObjectsV2': 4,
      // the task and the commit
      'sqs.SendMessageBatch': 2,
      // the worker's sign of life
      'sqs.ChangeMessageVisibilityBatch': 1,
      'events.PutEvents': 1,
    });
  });

  it('of a hundred tasks are these', async (context) => {
    const { lambdaLogs } = inject('emulator');
    if (lambdaLogs === null) return context.skip('the log of an emulator that was given is not ours to read');
    const tasks = 100;
    const [header, line] = ['number___\n', (n: number) => `${String(n).padStart(9, '0')}\n`];
    await stack.upload('held back/hundred.csv', header + Array.from({ length: tasks }, (_, n) => line(n)).join(''));
    const counts = await requestsOf(lambdaLogs, () => requestRun(stack, 'hundred', 'held back/hundred.csv', header.length), 20_000);
    const [outcome] = await stack.outcomes('hundred', 1);
    expect(outcome).toMatchObject({ outcome: 'COMMITTED', tasks: { planned: tasks } });
    const { 's3.GetObject': gets = 0, 's3.ListObjectsV2': lists = 0, 's3.PutObject': puts = 0, 'sqs.SendMessageBatch': sends = 0 } = counts;
    // each task reads its range, and whoever folds reads each part; a plan and a table's log for each function that hasn't seen them
    expect(gets).toBeGreaterThanOrEqual(2 * tasks);
    expect(gets).toBeLessThanOrEqual(2 * tasks + 30);
    // each task looks whether it was the last; a few more when several were last at once
    expect(lists).toBeGreaterThanOrEqual(tasks);
    expect(lists).toBeLessThanOrEqual(tasks + 15);
    // each task's data file and part; request, plan, page, note, fold, decision, entry and outcome
    expect(puts).toBeGreaterThanOrEqual(2 * tasks + 8);
    expect(puts).toBeLessThanOrEqual(2 * tasks + 8 + 3);
    // tasks ten at a time, the monitor, the commit; once more for each that was last at once
    expect(sends).toBeGreaterThanOrEqual(tasks / 10 + 2);
    expect(sends).toBeLessThanOrEqual(tasks / 10 + 2 + 3);
    expect(counts).toMatchObject({ 'sqs.ChangeMessageVisibilityBatch': tasks, 'events.PutEvents': 1 });
  });
});
