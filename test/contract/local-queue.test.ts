import { afterEach, describe, expect, it } from 'vitest';
import { LocalQueue, type LocalQueueOptions } from '../../functions/adapters/local-queue.ts';
import { FanlakeError } from '../../functions/core/errors.ts';
import type { Message } from './queue.ts';

const made: LocalQueue<Message>[] = [];
afterEach(async () => {
  for (const queue of made.splice(0)) await queue.stop();
});

function makeQueue(options: LocalQueueOptions<Message> = {}): LocalQueue<Message> {
  const queue = new LocalQueue<Message>('tasks', options);
  made.push(queue);
  return queue;
}

const ids = (count: number) => Array.from({ length: count }, (_, id) => ({ id }));

describe('a queue in memory', () => {
  it('counts what is visible, in flight and delayed, and is idle when nothing is left', async () => {
    const queue = makeQueue();
    await queue.idle();
    await queue.send(ids(5));
    await queue.send(ids(2), 300);
    expect(queue.counts()).toEqual({ visible: 5, inFlight: 0, delayed: 2 });
    const counts: unknown[] = [];
    queue.consume(async () => {
      counts.push(queue.counts());
      return undefined;
    });
    await queue.idle();
    expect(counts).toHaveLength(7);
    expect(counts[0]).toEqual({ visible: 4, inFlight: 1, delayed: 2 });
    expect(queue.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('hands out a million messages in the order of their sending', async () => {
    const queue = makeQueue();
    await queue.send(ids(1_000_000));
    let next = 0;
    queue.consume(
      async (batch) => {
        for (const { body } of batch) if (body.id === next) next += 1;
        return undefined;
      },
      { batchSize: 1000 },
    );
    await queue.idle();
    expect(next).toBe(1_000_000);
  });

  it('makes a hundred thousand delayed messages of many times visible, each once', async () => {
    const queue = makeQueue();
    const delays = Array.from({ length: 100_000 }, (_, id) => 1 + ((id * 7919) % 50));
    const byDelay = Map.groupBy(delays.keys(), (id) => delays[id] ?? 0);
    for (const [delayMs, members] of byDelay)
      await queue.send(
        members.map((id) => ({ id })),
        delayMs,
      );
    let received = 0;
    const seen = new Set<number>();
    queue.consume(
      async (batch) => {
        received += batch.length;
        for (const { body } of batch) seen.add(body.id);
        return undefined;
      },
      { batchSize: 1000 },
    );
    await queue.idle();
    expect([received, seen.size]).toEqual([100_000, 100_000]);
  });

  it('sends again what failed, and answers only what never went out', async () => {
    const attempts = new Map<number, number>();
    const queue = makeQueue({
      failSend: ({ id }, attempt) => {
        attempts.set(id, attempt);
        if (id === 7) return 'never';
        return id % 3 === 0 && attempt === 1 ? 'the first time' : null;
      },
    });
    expect(await queue.send(ids(25))).toEqual([{ index: 7, reason: 'never' }]);
    expect(queue.counts().visible).toBe(24);
    expect([attempts.get(1), attempts.get(3)]).toEqual([1, 2]);
    expect(attempts.get(7)).toBeGreaterThan(2);
  });

  it('answers what JSON can not express as failed', async () => {
    const queue = new LocalQueue<unknown>('odd');
    expect((await queue.send([{}, undefined, () => {}])).map(({ index }) => index)).toEqual([1, 2]);
  });

  it('runs no more handlers at a time than it was told', async () => {
    const queue = makeQueue();
    let running = 0;
    let most = 0;
    queue.consume(
      async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running -= 1;
        return undefined;
      },
      { concurrency: 3 },
    );
    await queue.send(ids(30));
    await queue.idle();
    expect(most).toBe(3);
  });

  it('waits for a batch to fill up, but no longer than the window', async () => {
    const batches: number[] = [];
    const handler = async (batch: readonly unknown[]): Promise<undefined> => {
      batches.push(batch.length);
    };
    // a window that no test lives to see the end of: what is handed out was full
    const filling = makeQueue();
    filling.consume(handler, { batchSize: 10, batchWindowMs: 3_600_000 });
    for (const { id } of ids(12)) {
      await filling.send([{ id }]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(batches).toEqual([10]);
    expect(filling.counts()).toEqual({ visible: 2, inFlight: 0, delayed: 0 });
    await filling.stop();
    // a batch that never fills up
    const waiting = makeQueue();
    waiting.consume(handler, { batchSize: 10, batchWindowMs: 30 });
    await waiting.send(ids(2));
    await waiting.idle();
    expect(batches).toEqual([10, 2]);
  });

  it('hands out nothing after it was stopped, and stops when its handlers have ended', async () => {
    const queue = makeQueue();
    let ended = 0;
    let finish = () => {};
    const begun = new Promise<void>((begin) => {
      queue.consume(async () => {
        begin();
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        ended += 1;
        return undefined;
      });
    });
    await queue.send(ids(3));
    await begun;
    const stopped = queue.stop();
    finish();
    await stopped;
    expect(ended).toBe(1);
    expect(queue.counts()).toEqual({ visible: 2, inFlight: 0, delayed: 0 });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(ended).toBe(1);
  });

  it('tells a handler, and the dead letters, how the receipt before failed', async () => {
    const deadLetters = makeQueue();
    const queue = makeQueue({ maxReceives: 2, deadLetters, retryDelayMs: () => 0 });
    const errors: unknown[] = [];
    queue.consume(async ([delivery]) => {
      errors.push(delivery?.lastError);
      throw new FanlakeError('store.failed', `receipt ${delivery?.receiveCount}`, { n: delivery?.receiveCount });
    });
    deadLetters.consume(async ([letter]) => {
      errors.push(letter?.lastError);
      return undefined;
    });
    await queue.send([{ id: 1 }]);
    await queue.idle();
    await deadLetters.idle();
    expect(errors).toEqual([
      undefined,
      { code: 'store.failed', message: 'receipt 1', details: { n: 1 } },
      { code: 'store.failed', message: 'receipt 2', details: { n: 2 } },
    ]);
  });

  it('ignores what a handler does with a receipt whose time is over', async () => {
    const queue = makeQueue();
    const receipts: number[] = [];
    let resume = () => {};
    queue.consume(
      async ([delivery]) => {
        receipts.push(delivery?.receiveCount ?? 0);
        if (delivery?.receiveCount === 1) {
          await new Promise<void>((resolve) => {
            resume = resolve;
          });
          await delivery.retryIn(0);
          await delivery.extend(60_000);
          throw new Error('too late');
        }
        resume();
        return undefined;
      },
      { concurrency: 2, visibilityMs: 10 },
    );
    await queue.send([{ id: 1 }]);
    await queue.idle();
    await queue.stop();
    expect(receipts).toEqual([1, 2]);
    expect(queue.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('has one consumer at a time', async () => {
    const queue = makeQueue();
    queue.consume(async () => undefined);
    expect(() => queue.consume(async () => undefined)).toThrow(/has a consumer/);
    await queue.stop();
    queue.consume(async () => undefined);
  });
});
