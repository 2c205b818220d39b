import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runOnStack } from '../../../../cli/stack/run-on-stack.ts';
import type { Stack } from '../../../../cli/stack/stack.ts';
import { parseJob } from '../../../../functions/core/job.ts';
import { outcomeKey } from '../../../../functions/core/keys.ts';
import { blankReceipt } from '../../../../functions/core/receipt.ts';
import type { RunMessage } from '../../../../functions/core/task.ts';
import { readRunRequest } from '../../../../functions/protocol/run-request.ts';
import { writePlan } from '../../../../functions/protocol/write-plan.ts';
import { planOf } from '../../protocol/plan-of.ts';
import { stackOnDisk } from './stack-on-disk.ts';

let folder: string;
let stack: Stack;
let sent: RunMessage[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fanlake-run-'));
  sent = [];
  const disk = stackOnDisk(folder);
  stack = { ...disk, requests: { send: coordinate } };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** In the coordinator's place: a plan without tasks, which is committed at once. */
async function coordinate(messages: readonly RunMessage[]): Promise<[]> {
  for (const message of messages) {
    sent.push(message);
    const { run, epoch } = message;
    const plan = planOf({ tasks: 0, bytes: 0, limits: {} });
    const job = (await readRunRequest(stack.stores.work, message))?.job ?? plan.job;
    await writePlan(stack.context, { ...plan, job, run, epoch }, []);
    const receipt = { ...blankReceipt(message, 'visits'), state: 'ended', outcome: 'COMMITTED' };
    await stack.stores.lake.put(outcomeKey('visits', message), JSON.stringify(receipt));
  }
  return [];
}

async function run(query: string, contents: readonly string[], again = false) {
  for (const [index, content] of contents.entries()) await stack.stores.landing.create(`in/${String(index).padStart(2, '0')}.csv`, content);
  const { objects } = await stack.stores.landing.list({ prefix: 'in/' });
  const job = parseJob({ name: 'visits', input: {}, query, table: { name: 'visits' } });
  const underWay: string[] = [];
  const watch = {
    signal: new AbortController().signal,
    onProgress: () => {},
    say: () => {},
    onUnderWay: (id: string) => void underWay.push(id),
  };
  const receipt = await runOnStack(stack, { job, table: 'visits', objects, splitBytes: 1_000, again }, watch);
  return { receipt, underWay, job, objects };
}

const id = 'id\n1\n';

it('a run is asked for with one message that names its list of objects, and then only waited for', async () => {
  const { receipt, underWay, job, objects } = await run('SELECT id FROM input', [id, id]);
  expect(receipt.outcome).toBe('COMMITTED');
  expect(underWay).toContain(receipt.run);
  const [message] = sent;
  expect(sent).toHaveLength(1);
  expect(message).toMatchObject({ kind: 'run', run: receipt.run, epoch: 0 });
  if (message === undefined) throw new Error('nothing was sent');
  expect(await readRunRequest(stack.stores.work, message)).toEqual({
    run: receipt.run,
    epoch: 0,
    job,
    table: 'visits',
    objects,
    splitBytes: 1_000,
  });
});

it('what is committed is asked for again only as another run', async () => {
  const first = await run('SELECT id FROM input', [id]);
  expect((await run('SELECT id FROM input', [id])).receipt).toMatchObject({ run: first.receipt.run, outcome: 'ALREADY_COMMITTED' });
  expect(sent).toHaveLength(1);
  expect((await run('SELECT id FROM input', [id], true)).receipt.run).not.toBe(first.receipt.run);
  expect(sent).toHaveLength(2);
});

it.each([
  ['SELECT idd FROM input', 'query.column'],
  ['SELEC id FROM input', 'query.syntax'],
])('%s is refused before anything is sent or stored', async (query, code) => {
  await expect(run(query, [id])).rejects.toMatchObject({ code });
  expect(sent).toEqual([]);
  expect((await stack.stores.work.listKeys({ prefix: '' })).keys).toEqual([]);
});

it('a column that only the largest of many objects has is no mistake', async () => {
  const many = Array.from({ length: 11 }, () => id);
  await expect(run('SELECT late FROM input', many)).rejects.toMatchObject({ code: 'query.column' });
  expect((await run('SELECT late FROM input', [...many, 'id,late\n1,the only one\n'])).receipt.outcome).toBe('COMMITTED');
});
