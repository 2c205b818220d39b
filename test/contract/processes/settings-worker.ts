/** A worker that answers each task with what its pool told it. */
import { serveWorker, workerSettings } from '../../../functions/adapters/worker-process.ts';
import type { Message } from '../queue.ts';
import type { PoolTask } from './pool-worker.ts';

// as a worker does that loads for long: what it is told meanwhile waits
await new Promise((resolve) => setTimeout(resolve, 100));
const settings = await workerSettings();

serveWorker<PoolTask>({
  async onTask({ body, receiveCount }, context) {
    const seen = { pid: process.pid, receiveCount, settings };
    await context.queue<Message>('results').send([{ id: body.id, text: JSON.stringify(seen) }]);
  },
});
