import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { forkWorker } from '../../functions/adapters/fork-worker.ts';
import { LocalQueue } from '../../functions/adapters/local-queue.ts';
import type { LocalDelivery } from '../../functions/adapters/message-states.ts';
import { WorkerPool } from '../../functions/adapters/worker-pool.ts';
import type { ErrorReport } from '../../functions/core/errors.ts';
import type { PoolTask } from './processes/pool-worker.ts';
import type { Message } from './queue.ts';
import { temporaryFolders } from './temporary-folder.ts';

const makeFolder = temporaryFolders();
const program = (name: string) => path.join(import.meta.dirname, 'processes', name);

interface Seen {
  readonly id: number;
  readonly pid: number;
  readonly receiveCount: number;
  readonly lastError?: ErrorReport;
  readonly settings?: Readonly<Record<string, string>>;
}

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

function makePool({
  workers = 2,
  maxReceives = 3,
  modulePath = program('pool-worker.ts'),
  execArgv = [] as readonly string[],
  settings = {} as Readonly<Record<string, string>>,
  first = null as ChildProcess | null,
} = {}) {
  const deadLetters = new LocalQueue<PoolTask>('dead letters');
  const queue = new LocalQueue<PoolTask>('tasks', { maxReceives, deadLetters, retryDelayMs: () => 0 });
  const results = new LocalQueue<Message>('results');
  const output: string[] = [];
  const onOutput = (line: string) => output.push(line);
  const pool = new WorkerPool({ queue, workers, modulePath, execArgv, settings, first, queues: { results }, onOutput });
  ends.push(async () => {
    await pool.close();
    await results.stop();
    await deadLetters.stop();
  });
  const seen: Seen[] = [];
  const letters: LocalDelivery<PoolTask>[] = [];
  let wake = () => {};
  results.consume(async ([delivery]) => {
    if (delivery?.body.text !== undefined) seen.push({ id: delivery.body.id, ...(JSON.parse(delivery.body.text) as Omit<Seen, 'id'>) });
    wake();
    return undefined;
  });
  deadLetters.consume(async ([letter]) => {
    if (letter !== undefined) letters.push(letter);
    wake();
    return undefined;
  });
  const until = async (done: () => boolean) => {
    while (!done()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { pool, queue, results, deadLetters, output, seen, letters, until };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // a killed process that nobody waited for yet is still listed
    return !fs.readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

async function untilDead(pids: readonly number[]): Promise<void> {
  while (pids.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('a pool of worker processes', () => {
  it('performs each message once, in its worker processes, one at a time each', async () => {
    const { pool, queue, seen, until } = makePool();
    pool.start();
    await queue.send(Array.from({ length: 100 }, (_, id) => ({ id, kind: 'report' as const })));
    await queue.idle();
    await until(() => seen.length === 100);
    expect(seen.map(({ id }) => id).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, id) => id));
    const pids = new Set(seen.map(({ pid }) => pid));
    expect(pids.has(process.pid)).toBe(false);
    expect(pids.size).toBeLessThanOrEqual(2);
    expect(pool.processIds.length).toBeLessThanOrEqual(2);
  });

  it('starts no process before there is a message, or all when it is warmed', async () => {
    const { pool, queue, seen, until } = makePool();
    pool.start();
    expect(pool.processIds).toEqual([]);
    await pool.warm();
    const warmed = pool.processIds;
    expect(warmed).toHaveLength(2);
    await queue.send([{ id: 1, kind: 'report' }]);
    await until(() => seen.length === 1);
    expect(pool.processIds).toEqual(warmed);
    expect(warmed).toContain(seen[0]?.pid);
  });

  it('replaces a process that is killed while it starts', async () => {
    const { pool, queue, seen, until } = makePool({ modulePath: program('settings-worker.ts') });
    const warmed = pool.warm();
    const [victim = 0] = pool.processIds;
    process.kill(victim, 'SIGKILL');
    await warmed;
    expect(pool.processIds).toHaveLength(2);
    expect(pool.processIds).not.toContain(victim);
    pool.start();
    await queue.send([{ id: 1, kind: 'report' }]);
    await until(() => seen.length === 1);
    expect(seen[0]?.receiveCount).toBe(1);
  });

  it('redelivers exactly the task whose worker was killed in the middle of it, once, to another process', async () => {
    const { pool, queue, seen, letters, until } = makePool();
    pool.start();
    await queue.send([{ id: 0, kind: 'wait' }, ...Array.from({ length: 20 }, (_, index) => ({ id: index + 1, kind: 'report' as const }))]);
    await until(() => seen.length === 21);
    const victim = seen.find(({ id }) => id === 0)?.pid ?? 0;
    process.kill(victim, 'SIGKILL');
    await queue.idle();
    await until(() => seen.length === 22);
    expect(seen.filter(({ id }) => id !== 0).every(({ receiveCount }) => receiveCount === 1)).toBe(true);
    const [first, second] = seen.filter(({ id }) => id === 0);
    expect(second).toMatchObject({ receiveCount: 2, lastError: { code: 'task.died', details: { signal: 'SIGKILL' } } });
    expect(second?.pid).not.toBe(first?.pid);
    expect(letters).toEqual([]);
    expect(pool.processIds).not.toContain(victim);
  });

  it('buries a task whose workers die again and again, with the last reason and words, and goes on with others', async () => {
    const { pool, queue, seen, letters, until } = makePool({ maxReceives: 3 });
    pool.start();
    await queue.send([
      { id: 1, kind: 'exit' },
      { id: 2, kind: 'report' },
    ]);
    await queue.idle();
    await until(() => letters.length === 1);
    expect(seen.filter(({ id }) => id === 1).map(({ receiveCount }) => receiveCount)).toEqual([1, 2, 3]);
    expect(letters[0]?.body).toEqual({ id: 1, kind: 'exit' });
    expect(letters[0]?.lastError).toMatchObject({ code: 'task.died', message: /exit code: 7.*last words/s, details: { exitCode: 7 } });
    expect(seen.some(({ id }) => id === 2)).toBe(true);
  });

  it('says that a worker ran out of memory', async () => {
    const { pool, queue, letters, until } = makePool({ maxReceives: 1, execArgv: ['--max-old-space-size=20'] });
    pool.start();
    await queue.send([{ id: 1, kind: 'memory' }]);
    await until(() => letters.length === 1);
    expect(letters[0]?.lastError).toMatchObject({ code: 'task.memory', details: { signal: 'SIGABRT' } });
  });

  it('carries the error of a task back whole', async () => {
    const { pool, queue, letters, until } = makePool({ maxReceives: 2 });
    pool.start();
    await queue.send([{ id: 1, kind: 'throw' }]);
    await until(() => letters.length === 1);
    expect(letters[0]?.lastError).toEqual({ code: 'store.full', message: 'can not do it: as the test wants', details: { by: 'test' } });
  });

  it('lets a worker send thousands of messages, and tells it which did not go out', async () => {
    const { pool, queue, results, output } = makePool();
    await results.stop();
    const ids: number[] = [];
    let failed: unknown;
    results.consume(async ([delivery]) => {
      if (delivery?.body.id === -1) failed = JSON.parse(delivery.body.text ?? '');
      else if (delivery !== undefined) ids.push(delivery.body.id);
      return undefined;
    });
    pool.start();
    await queue.send([{ id: 1, kind: 'flood' }]);
    await queue.idle();
    await results.idle();
    expect(failed).toEqual([1_234]);
    expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: 2_345 }, (_, id) => id).filter((id) => id !== 1_234));
    expect(output).toEqual([]);
  });

  it('fails a task that sends to a queue that nobody knows', async () => {
    const { pool, queue, letters, until } = makePool({ maxReceives: 1 });
    pool.start();
    await queue.send([{ id: 1, kind: 'unknown-queue' }]);
    await until(() => letters.length === 1);
    expect(letters[0]?.lastError).toMatchObject({ code: 'internal', message: /"nowhere"/ });
  });

  it('passes on that a worker extends a task or wants it again', async () => {
    const { pool, queue, seen, until } = makePool();
    pool.start();
    await queue.send([
      { id: 1, kind: 'retry' },
      { id: 2, kind: 'extend' },
    ]);
    await queue.idle();
    await until(() => seen.length === 3);
    expect(seen.filter(({ id }) => id === 1).map(({ receiveCount }) => receiveCount)).toEqual([1, 2]);
    expect(seen.filter(({ id }) => id === 2).map(({ receiveCount }) => receiveCount)).toEqual([1]);
  });

  it('tells its workers their settings, also one that was started before it and becomes the first', async () => {
    const modulePath = program('settings-worker.ts');
    const first = forkWorker(modulePath, [], process.env);
    const { pool, queue, seen, until } = makePool({ modulePath, settings: { home: 'here' }, first });
    await pool.warm();
    expect(pool.processIds).toHaveLength(2);
    expect(pool.processIds).toContain(first.pid);
    pool.start();
    await queue.send(Array.from({ length: 20 }, (_, id) => ({ id, kind: 'report' as const })));
    await until(() => seen.length === 20);
    for (const { settings } of seen) expect(settings).toEqual({ home: 'here' });
  });

  it('ends a process that no pool took up when its parent goes', async () => {
    const parent = fork(program('orphan-parent.ts'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [pid] = (await once(parent, 'message')) as [number];
    parent.kill('SIGKILL');
    await untilDead([pid]);
  });

  it('says what is wrong when its program does not start', async () => {
    const broken = path.join(makeFolder(), 'broken.mjs');
    fs.writeFileSync(broken, "throw new Error('broken by the test');\n");
    const { pool, queue, letters, until } = makePool({ modulePath: broken, maxReceives: 2 });
    await expect(pool.warm()).rejects.toMatchObject({ code: 'internal', message: /broken by the test/ });
    pool.start();
    await queue.send([{ id: 1, kind: 'report' }]);
    await until(() => letters.length === 1);
    expect(letters[0]?.lastError).toMatchObject({ code: 'internal', message: /broken by the test/ });
  });

  it('gives back what is under way when it is closed, without counting it as a failure, and leaves no process', async () => {
    const { pool, queue, seen, letters, until } = makePool({ maxReceives: 1 });
    pool.start();
    await queue.send([
      { id: 1, kind: 'wait' },
      { id: 2, kind: 'wait' },
      { id: 3, kind: 'wait' },
    ]);
    await until(() => seen.length === 2);
    const pids = pool.processIds;
    await pool.close();
    expect(queue.counts()).toEqual({ visible: 3, inFlight: 0, delayed: 0 });
    expect(letters).toEqual([]);
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it('finishes what is under way when it is stopped', async () => {
    const { pool, queue, seen, until } = makePool();
    const file = path.join(makeFolder(), 'done');
    await pool.warm();
    pool.start();
    await queue.send(Array.from({ length: 200 }, (_, id) => ({ id, kind: 'report' as const, file })));
    await until(() => seen.length > 3);
    await pool.stop();
    const done = fs.readFileSync(file, 'utf8').trim().split('\n');
    expect(new Set(done).size).toBe(done.length);
    expect(done.length + queue.counts().visible).toBe(200);
    expect(queue.counts().inFlight).toBe(0);
  });

  it('ends with its parent: killed, its workers end in the middle of their tasks', async () => {
    const parent: ChildProcess = fork(program('pool-parent.ts'), [], { execArgv: [] });
    ends.push(async () => void parent.kill('SIGKILL'));
    const [pids] = (await once(parent, 'message')) as [number[]];
    expect(pids).toHaveLength(2);
    expect(pids.every(isAlive)).toBe(true);
    parent.kill('SIGKILL');
    await untilDead(pids);
  });
});
