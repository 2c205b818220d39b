import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { type Deployment, deployment, onLocalStack } from './deployment.ts';
import { emulator } from './emulator.ts';
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

const costDocument = fileURLToPath(new URL('../../docs/cost.md', import.meta.url));

/** The requests that docs/cost.md has a budget for, by the words that a row begins with. */
const budgeted = {
  'S3 PUT': 's3.PutObject',
  'S3 LIST': 's3.ListObjectsV2',
  'S3 GET': 's3.GetObject',
  'SQS sends': 'sqs.SendMessageBatch',
  'SQS signs of life': 'sqs.ChangeMessageVisibilityBatch',
  'EventBridge event': 'events.PutEvents',
} as const;

type Budget = Readonly<Record<(typeof budgeted)[keyof typeof budgeted], { readonly least: number; readonly most: number }>>;

/** How many requests a run makes as the document says: a number, or one `to` another. */
function budgetOf(section: string): Budget {
  const text = readFileSync(costDocument, 'utf8')
    .split(/^## /m)
    .find((part) => part.startsWith(`${section}\n`));
  const bounds = Object.entries(budgeted).map(([words, request]) => {
    const [, least, most = least] = text?.match(new RegExp(`^\\| ${words}[^|]*\\| (\\d+)(?: to (\\d+))? \\|`, 'm')) ?? [];
    if (least === undefined) throw new Error(`docs/cost.md has no row '${words}' in '${section}'`);
    return [request, { least: Number(least), most: Number(most) }] as const;
  });
  return Object.fromEntries(bounds) as Budget;
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

  it('of one task into a table that exists are those that docs/cost.md has the price of', async (context) => {
    const { lambdaLogs } = emulator;
    if (lambdaLogs === null) return context.skip('the log of an emulator that was given is not ours to read');
    // the table is there, and every function has read its log
    for (const name of ['a', 'b']) {
      await stack.upload(`counted/${name}.csv`, 'n\n1\n');
      await stack.outcomes('counted', name === 'a' ? 1 : 2);
    }
    const counts = await requestsOf(lambdaLogs, () => stack.upload('counted/c.csv', 'n\n1\n'), 3_000);
    expect((await stack.outcomes('counted', 3)).map(({ outcome }) => outcome)).toEqual(['COMMITTED', 'COMMITTED', 'COMMITTED']);
    const exact = Object.entries(budgetOf('One small upload into a table that exists')).map(
      ([request, { least }]) => [request, least] as const,
    );
    // and the upload itself
    const expected: Counts = Object.fromEntries(exact.map(([request, count]) => [request, request === 's3.PutObject' ? count + 1 : count]));
    expect(counts).toEqual(expected);
  });

  it('of a hundred tasks are those that docs/cost.md has the price of', async (context) => {
    const { lambdaLogs } = emulator;
    if (lambdaLogs === null) return context.skip('the log of an emulator that was given is not ours to read');
    const tasks = 100;
    const [header, line] = ['number___\n', (n: number) => `${String(n).padStart(9, '0')}\n`];
    await stack.upload('held back/hundred.csv', header + Array.from({ length: tasks }, (_, n) => line(n)).join(''));
    const counts = await requestsOf(lambdaLogs, () => requestRun(stack, 'hundred', 'held back/hundred.csv', header.length), 20_000);
    const [outcome] = await stack.outcomes('hundred', 1);
    expect(outcome).toMatchObject({ outcome: 'COMMITTED', tasks: { planned: tasks } });
    const { 'sqs.SendMessage': request, 's3.HeadObject': heads = 0, ...counted } = counts;
    console.log(`a run of ${tasks} tasks: ${JSON.stringify(counts)}`);
    const budget = budgetOf('A run of 100 tasks');
    expect(Object.keys(counted).sort()).toEqual(Object.keys(budget).sort());
    // Workers that were last at once all fold: each reads all parts, finds the fold there and looks whose it is, lists the folds and sends the commit. A commit
    // that comes again reads how its run ended; where both are at it at once, the second finds the outcome there, and announces it, too.
    const others = (counted['sqs.SendMessageBatch'] ?? 0) - budget['sqs.SendMessageBatch'].least;
    expect(others).toBeLessThan(4);
    const ofEach: Readonly<Record<string, readonly [least: number, most: number]>> = {
      's3.GetObject': [tasks, tasks + 8],
      's3.PutObject': [1, 3],
      's3.ListObjectsV2': [1, 3],
      'sqs.SendMessageBatch': [1, 1],
      'events.PutEvents': [0, 1],
    };
    for (const [kind, { least, most }] of Object.entries(budget)) {
      const [leastMore, mostMore] = ofEach[kind] ?? [0, 0];
      expect.soft(counted[kind], kind).toBeGreaterThanOrEqual(least + others * leastMore);
      expect.soft(counted[kind], kind).toBeLessThanOrEqual(most + others * mostMore);
    }
    // the request itself, and the look at its object, which are the test's
    expect(request).toBe(1);
    expect(heads).toBeGreaterThanOrEqual(1 + others);
    expect(heads).toBeLessThanOrEqual(1 + 3 * others);
  });
});
