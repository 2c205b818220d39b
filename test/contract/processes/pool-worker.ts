/** A worker whose tasks say what is to happen. */
import fs from 'node:fs';
import { serveWorker } from '../../../functions/adapters/worker-process.ts';
import { FanlakeError } from '../../../functions/core/errors.ts';
import type { Message } from '../queue.ts';

export interface PoolTask {
  readonly id: number;
  readonly kind: 'report' | 'wait' | 'throw' | 'exit' | 'retry' | 'extend' | 'flood' | 'memory' | 'unknown-queue' | 'busy';
  readonly file?: string;
}

serveWorker<PoolTask>({
  async onTask(delivery, context) {
    const { body, receiveCount, lastError } = delivery;
    const results = context.queue<Message>('results');
    const report = async () => {
      const seen = { pid: process.pid, receiveCount, ...(lastError === undefined ? {} : { lastError }) };
      await results.send([{ id: body.id, text: JSON.stringify(seen) }]);
    };
    switch (body.kind) {
      case 'wait':
        await report();
        // for ever, on its first receipt
        if (receiveCount === 1) await new Promise<never>(() => {});
        break;
      case 'busy':
        await report();
        for (let turn = 0; receiveCount === 1; turn += 1) await new Promise((resolve) => setImmediate(resolve, turn));
        break;
      case 'throw':
        await report();
        throw new FanlakeError('store.full', 'can not do it: as the test wants', { by: 'test' });
      case 'exit':
        await report();
        console.error('these are my last words');
        process.exit(7);
        break;
      case 'memory': {
        const kept: string[][] = [];
        for (;;) kept.push(Array.from({ length: 100_000 }, (_, index) => `${index} ${kept.length}`));
      }
      case 'retry':
        await report();
        if (receiveCount === 1) await delivery.retryIn(1);
        break;
      case 'extend':
        await delivery.extend(60_000);
        await report();
        break;
      case 'flood': {
        const messages = Array.from({ length: 2_345 }, (_, id) => (id === 1_234 ? { id, text: 'x'.repeat((1 << 20) + 1) } : { id }));
        const failed = await results.send(messages);
        await results.send([{ id: -1, text: JSON.stringify(failed.map(({ index }) => index)) }]);
        break;
      }
      case 'unknown-queue':
        await context.queue('nowhere').send([{}]);
        break;
      default:
        if (body.file !== undefined) fs.appendFileSync(body.file, `${body.id}\n`);
        await report();
    }
  },
});
