import { afterEach, describe, expect, it } from 'vitest';
import type { Delivery, Queue } from '../../functions/core/ports.ts';

export interface Message {
  readonly id: number;
  readonly text?: string;
}

export type Handler = (batch: readonly Delivery<Message>[]) => Promise<readonly number[] | undefined>;

export interface QueueUnderTest {
  readonly queue: Queue<Message>;
  /** Hands messages to the handler, which answers the indexes of those that failed; several handlers at a time, batches of up to ten. */
  consume(handler: Handler): void;
  /** The same for the dead letters. */
  consumeDeadLetters(handler: Handler): void;
  dispose(): Promise<void>;
}

export interface QueueSettings {
  readonly visibilityMs: number;
  readonly maxReceives: number;
}

/** What the suite needs of an adapter whose timeouts can't be as short as those of a queue in memory. */
export interface QueuePace {
  /** The shortest visibility timeout that it can have. */
  readonly visibilityMs: number;
}

/** Resolves when `done` holds after a delivery; a suite's own timeout ends one that never does. */
function collector() {
  const seen: { readonly id: number; readonly receiveCount: number }[] = [];
  let wake = () => {};
  return {
    seen,
    note(delivery: Delivery<Message>) {
      seen.push({ id: delivery.body.id, receiveCount: delivery.receiveCount });
      wake();
    },
    async until(done: () => boolean) {
      while (!done()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

/** What every queue promises. Run it on each adapter of the port; `make` gives an empty queue with dead letters for each test. */
export function queueContract(name: string, make: (settings: QueueSettings) => Promise<QueueUnderTest>, pace: QueuePace): void {
  describe(`${name}: the contract of queues`, () => {
    let made: QueueUnderTest | undefined;
    const makeQueue = async (settings: Partial<QueueSettings> = {}) => {
      made = await make({ visibilityMs: 20 * pace.visibilityMs, maxReceives: 5, ...settings });
      return made;
    };
    afterEach(async () => {
      await made?.dispose();
      made = undefined;
    });

    it('delivers each of many messages, with the body that was sent', async () => {
      const { queue, consume } = await makeQueue();
      const sent = Array.from({ length: 257 }, (_, id) => ({ id, text: `é😀 ${id}` }));
      expect(await queue.send(sent)).toEqual([]);
      const bodies = new Map<number, Message>();
      const { note, until } = collector();
      consume(async (batch) => {
        expect(batch.length).toBeGreaterThan(0);
        expect(batch.length).toBeLessThanOrEqual(10);
        for (const delivery of batch) {
          bodies.set(delivery.body.id, delivery.body);
          note(delivery);
        }
        return undefined;
      });
      await until(() => bodies.size === sent.length);
      expect([...bodies.values()].sort((a, b) => a.id - b.id)).toEqual(sent);
    });

    it('delivers what was sent while a consumer waits', async () => {
      const { queue, consume } = await makeQueue();
      const { seen, note, until } = collector();
      consume(async (batch) => {
        batch.forEach(note);
        return undefined;
      });
      await queue.send([{ id: 1 }]);
      await until(() => seen.length === 1);
      await queue.send([{ id: 2 }]);
      await until(() => seen.some(({ id }) => id === 2));
    });

    it('delivers again what a handler threw at, and counts the receipts', async () => {
      const { queue, consume } = await makeQueue({ visibilityMs: pace.visibilityMs });
      const { seen, note, until } = collector();
      consume(async (batch) => {
        batch.forEach(note);
        if (batch.some((delivery) => delivery.receiveCount < 3)) throw new Error('not yet');
        return undefined;
      });
      await queue.send([{ id: 1 }]);
      await until(() => seen.some(({ receiveCount }) => receiveCount === 3));
      expect(seen).toEqual([1, 2, 3].map((receiveCount) => ({ id: 1, receiveCount })));
    });

    it('delivers again only the failed ones of a batch', async () => {
      const { queue, consume } = await makeQueue({ visibilityMs: pace.visibilityMs });
      const { seen, note, until } = collector();
      consume(async (batch) => {
        batch.forEach(note);
        return batch.flatMap((delivery, index) => (delivery.body.id % 2 === 1 && delivery.receiveCount === 1 ? [index] : []));
      });
      await queue.send(Array.from({ length: 10 }, (_, id) => ({ id })));
      await until(() => seen.length >= 15);
      const second = seen.filter(({ receiveCount }) => receiveCount === 2).map(({ id }) => id);
      expect(second.sort()).toEqual([1, 3, 5, 7, 9]);
      expect(seen.filter(({ receiveCount }) => receiveCount > 2)).toEqual([]);
    });

    it('moves what was received too often to the dead letters, whole, and delivers it no more', async () => {
      const { queue, consume, consumeDeadLetters } = await makeQueue({ visibilityMs: pace.visibilityMs, maxReceives: 3 });
      const { seen, note } = collector();
      const dead = collector();
      const letters: Message[] = [];
      consume(async (batch) => {
        batch.forEach(note);
        return batch.flatMap((delivery, index) => (delivery.body.id === 1 ? [index] : []));
      });
      consumeDeadLetters(async (batch) => {
        for (const delivery of batch) letters.push(delivery.body);
        batch.forEach(dead.note);
        return undefined;
      });
      await queue.send([{ id: 1, text: 'whole' }, { id: 2 }]);
      await dead.until(() => letters.length === 1);
      expect(letters).toEqual([{ id: 1, text: 'whole' }]);
      expect(seen.filter(({ id }) => id === 1).map(({ receiveCount }) => receiveCount)).toEqual([1, 2, 3]);
    });

    it('does not deliver a delayed message before its time', async () => {
      const { queue, consume } = await makeQueue();
      const { seen, note, until } = collector();
      let receivedMs = 0;
      consume(async (batch) => {
        for (const delivery of batch) if (delivery.body.id === 1) receivedMs = performance.now();
        batch.forEach(note);
        return undefined;
      });
      const sentMs = performance.now();
      await queue.send([{ id: 1 }], 2 * pace.visibilityMs);
      await queue.send([{ id: 2 }]);
      await until(() => seen.length === 2);
      expect(seen.map(({ id }) => id).sort()).toEqual([1, 2]);
      // timers may be a millisecond early
      expect(receivedMs - sentMs).toBeGreaterThanOrEqual(2 * pace.visibilityMs - 2);
    });

    it('delivers again, after the time it was told, what the handler wants to retry', async () => {
      const { queue, consume } = await makeQueue();
      const { seen, note, until } = collector();
      const receivedMs: number[] = [];
      consume(async (batch) => {
        for (const delivery of batch) {
          receivedMs.push(performance.now());
          if (delivery.receiveCount === 1) await delivery.retryIn(2 * pace.visibilityMs);
          note(delivery);
        }
        return undefined;
      });
      await queue.send([{ id: 1 }]);
      await until(() => seen.length === 2);
      expect(seen.map(({ receiveCount }) => receiveCount)).toEqual([1, 2]);
      expect((receivedMs[1] ?? 0) - (receivedMs[0] ?? 0)).toBeGreaterThanOrEqual(2 * pace.visibilityMs - 2);
    });

    it('delivers again what a handler neither finishes nor extends within the visibility timeout', async () => {
      const { queue, consume } = await makeQueue({ visibilityMs: pace.visibilityMs });
      const { seen, note, until } = collector();
      let finishFirst = () => {};
      consume(async (batch) => {
        batch.forEach(note);
        if (batch[0]?.receiveCount === 1) {
          await new Promise<void>((resolve) => {
            finishFirst = resolve;
          });
        }
        return undefined;
      });
      await queue.send([{ id: 1 }]);
      await until(() => seen.length === 2);
      expect(seen.map(({ receiveCount }) => receiveCount)).toEqual([1, 2]);
      finishFirst();
    });

    it('does not deliver again what a handler keeps extending', async () => {
      const { queue, consume } = await makeQueue({ visibilityMs: 3 * pace.visibilityMs });
      const { seen, note, until } = collector();
      const finished = collector();
      consume(async (batch) => {
        batch.forEach(note);
        for (let extension = 0; extension < 6; extension += 1) {
          for (const delivery of batch) await delivery.extend(3 * pace.visibilityMs + 1000);
          await new Promise((resolve) => setTimeout(resolve, pace.visibilityMs));
        }
        batch.forEach(finished.note);
        return undefined;
      });
      await queue.send([{ id: 1 }]);
      await finished.until(() => finished.seen.length > 0);
      await until(() => seen.length > 0);
      expect(seen).toEqual([{ id: 1, receiveCount: 1 }]);
    });

    it('answers which messages did not go out, and sends the others', async () => {
      const { queue, consume } = await makeQueue();
      const { seen, note, until } = collector();
      consume(async (batch) => {
        batch.forEach(note);
        return undefined;
      });
      const tooLarge = 'x'.repeat((1 << 20) + 1);
      const messages = Array.from({ length: 25 }, (_, id) => (id === 3 || id === 17 ? { id, text: tooLarge } : { id }));
      const failed = await queue.send(messages);
      expect(failed.map(({ index }) => index).sort((a, b) => a - b)).toEqual([3, 17]);
      for (const { reason } of failed) expect(reason).not.toBe('');
      await until(() => new Set(seen.map(({ id }) => id)).size === 23);
    });

    it('sends at once what is together larger than the 1 MiB that SQS takes in a batch', async () => {
      const { queue, consume } = await makeQueue();
      // a batch of ten would be 3 MB; each message alone may be a megabyte
      const sent = Array.from({ length: 12 }, (_, id) => ({ id, text: String.fromCharCode(97 + id).repeat(300_000) }));
      expect(await queue.send(sent)).toEqual([]);
      const bodies = new Map<number, Message>();
      const { note, until } = collector();
      consume(async (batch) => {
        for (const delivery of batch) {
          bodies.set(delivery.body.id, delivery.body);
          note(delivery);
        }
        return undefined;
      });
      await until(() => bodies.size === sent.length);
      expect([...bodies.values()].sort((a, b) => a.id - b.id)).toEqual(sent);
    });

    it('delivers copies: changing what was sent changes nothing', async () => {
      const { queue, consume } = await makeQueue();
      const bodies: Message[] = [];
      const { note, until } = collector();
      const message = { id: 1, text: 'as sent' };
      await queue.send([message]);
      message.text = 'changed';
      consume(async (batch) => {
        for (const delivery of batch) bodies.push(delivery.body);
        batch.forEach(note);
        return undefined;
      });
      await until(() => bodies.length > 0);
      expect(bodies[0]).toEqual({ id: 1, text: 'as sent' });
    });
  });
}
