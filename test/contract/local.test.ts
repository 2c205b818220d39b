import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LocalQueue } from '../../functions/adapters/local-queue.ts';
import { LocalStore } from '../../functions/adapters/local-store.ts';
import { objectStoreContract } from './object-store.ts';
import { type Message, queueContract } from './queue.ts';

objectStoreContract('LocalStore', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fanlake-test-'));
  const scratch = path.join(folder, 'scratch');
  fs.mkdirSync(scratch);
  return {
    store: new LocalStore(path.join(folder, 'store'), { durable: false }),
    scratch,
    dispose: async () => fs.rmSync(folder, { recursive: true, force: true }),
  };
});

queueContract(
  'LocalQueue',
  async ({ visibilityMs, maxReceives }) => {
    const deadLetters = new LocalQueue<Message>('dead letters');
    const queue = new LocalQueue<Message>('tasks', { maxReceives, deadLetters, retryDelayMs: () => 1 });
    return {
      queue,
      consume: (handler) => queue.consume(handler, { concurrency: 3, batchSize: 10, visibilityMs }),
      consumeDeadLetters: (handler) => deadLetters.consume(handler, { visibilityMs }),
      dispose: async () => {
        await queue.stop();
        await deadLetters.stop();
      },
    };
  },
  { visibilityMs: 20 },
);
