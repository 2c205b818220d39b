/** A command with a pool of two workers that are both in the middle of a task that never ends. Tells their process ids. */
import path from 'node:path';
import { LocalQueue } from '../../../functions/adapters/local-queue.ts';
import { WorkerPool } from '../../../functions/adapters/worker-pool.ts';
import type { Message } from '../queue.ts';
import type { PoolTask } from './pool-worker.ts';

const queue = new LocalQueue<PoolTask>('tasks');
const results = new LocalQueue<Message>('results');
const pool = new WorkerPool({ queue, workers: 2, modulePath: path.join(import.meta.dirname, 'pool-worker.ts'), queues: { results } });
const begun: Message[] = [];

results.consume(async ([delivery]) => {
  if (delivery !== undefined) begun.push(delivery.body);
  if (begun.length === 2) process.send?.(pool.processIds);
  return undefined;
});
pool.start();
void queue.send([
  { id: 1, kind: 'wait' },
  { id: 2, kind: 'busy' },
]);
