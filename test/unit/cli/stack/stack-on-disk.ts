import { join } from 'node:path';
import type { Stack } from '../../../../cli/stack/stack.ts';
import { LocalStore } from '../../../../functions/adapters/local-store.ts';
import { systemClock, systemNonces } from '../../../../functions/adapters/system-clock.ts';

/** A stack whose buckets are folders, and whose queues take everything and deliver nothing. */
export function stackOnDisk(folder: string): Stack {
  const store = (name: string) => new LocalStore(join(folder, name), { durable: false });
  const stores = { landing: store('landing'), work: store('work'), lake: store('lake') };
  const queue = { send: async () => [] };
  return {
    name: "the stack 'lake'",
    stack: 'lake',
    stores,
    landingBucket: 'my-landing',
    splitBytes: 16 << 20,
    context: {
      stores,
      tasks: queue,
      merges: queue,
      commits: queue,
      monitor: queue,
      clock: systemClock,
      nonces: systemNonces,
      announce: null,
    },
    requests: queue,
  };
}
