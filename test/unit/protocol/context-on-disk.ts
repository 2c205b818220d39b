import { join } from 'node:path';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import type { RunContext } from '../../../functions/protocol/context.ts';

/** A context over folders below `root` whose time stands still at 0, with nonces that count, and nobody to hear of ends. What is sent to its queues is kept in `sent`. */
export function contextOnDisk(root: string, sent: unknown[] = []): RunContext {
  const store = (name: string) => new LocalStore(join(root, name), { durable: false });
  const queue = {
    send: async (messages: readonly unknown[]) => {
      sent.push(...messages);
      return [];
    },
  };
  let nonce = 0;
  return {
    stores: { landing: store('landing'), work: store('work'), lake: store('lake') },
    tasks: queue,
    merges: queue,
    commits: queue,
    monitor: queue,
    clock: { now: () => 0, sleep: async () => {} },
    nonces: { next: () => String(++nonce).padStart(12, '0') },
    announce: null,
  };
}
