import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type SendMessageBatchCommandInput,
  type SendMessageBatchCommandOutput,
} from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { makeSqsClient } from '../../functions/adapters/sqs-client.ts';
import { SqsQueue } from '../../functions/adapters/sqs-queue.ts';
import { onEmulator } from './emulator.ts';
import { type Message, queueContract } from './queue.ts';
import { consumeSqs } from './sqs-consumer.ts';

const client = makeSqsClient();
let queues = 0;

async function makeQueue(name: string, attributes: Readonly<Record<string, string>>): Promise<string> {
  const { QueueUrl: url = '' } = await client.send(new CreateQueueCommand({ QueueName: name, Attributes: { ...attributes } }));
  return url;
}

onEmulator('SqsQueue', () => {
  queueContract(
    'SqsQueue',
    async ({ visibilityMs, maxReceives }) => {
      const name = `contract-${process.pid}-${queues++}`;
      const deadUrl = await makeQueue(`${name}-dead`, {});
      const { Attributes: { QueueArn: deadArn } = {} } = await client.send(
        new GetQueueAttributesCommand({ QueueUrl: deadUrl, AttributeNames: ['QueueArn'] }),
      );
      const url = await makeQueue(name, {
        VisibilityTimeout: String(Math.ceil(visibilityMs / 1000)),
        RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadArn, maxReceiveCount: maxReceives }),
      });
      const consumers: ReturnType<typeof consumeSqs>[] = [];
      return {
        queue: new SqsQueue<Message>({ client, url }),
        consume: (handler) => void consumers.push(consumeSqs(client, url, handler)),
        consumeDeadLetters: (handler) => void consumers.push(consumeSqs(client, deadUrl, handler)),
        dispose: async () => void (await Promise.all(consumers.map((consumer) => consumer.stop()))),
      };
    },
    { visibilityMs: 1000 },
  );

  describe('SqsQueue: a batch that does not go out whole', () => {
    /** What becomes of an entry the n-th time that it is sent, from 1: `taken`, or SQS refuses it, for the moment or as the sender's fault. */
    type Fate = 'taken' | 'busy' | 'fault';

    /** A client whose SQS refuses single entries of a batch; what it doesn't refuse, the emulator takes. */
    function refusingClient(fateOf: (id: number, time: number) => Fate) {
      const refusing = makeSqsClient();
      const times = new Map<number, number>();
      const batches: { readonly ids: readonly number[]; readonly atMs: number }[] = [];
      refusing.middlewareStack.add(
        (next) => async (request) => {
          const input = request.input as SendMessageBatchCommandInput;
          const fates = (input.Entries ?? []).map((entry) => {
            const { id } = JSON.parse(entry.MessageBody ?? '') as Message;
            const time = (times.get(id) ?? 0) + 1;
            times.set(id, time);
            return { entry, id, fate: fateOf(id, time) };
          });
          batches.push({ ids: fates.map(({ id }) => id), atMs: performance.now() });
          const taken = fates.filter(({ fate }) => fate === 'taken').map(({ entry }) => entry);
          const Failed = fates
            .filter(({ fate }) => fate !== 'taken')
            .map(({ entry: { Id }, fate }) => ({ Id, SenderFault: fate === 'fault', Code: 'InternalError', Message: `${fate} today` }));
          if (taken.length === 0) return { output: { $metadata: {}, Failed }, response: {} } as never;
          const answer = await next({ ...request, input: { ...input, Entries: taken } as never });
          return { ...answer, output: { ...(answer.output as SendMessageBatchCommandOutput), Failed } as never };
        },
        { step: 'initialize', name: 'refuseEntries' },
      );
      return { refusing, batches };
    }

    /** What of `count` messages was sent in which batches, what was answered, and what arrived. */
    async function sendAll(count: number, fateOf: (id: number, time: number) => Fate) {
      const url = await makeQueue(`contract-${process.pid}-${queues++}`, {});
      const { refusing, batches } = refusingClient(fateOf);
      const failed = await new SqsQueue<Message>({ client: refusing, url }).send(Array.from({ length: count }, (_, id) => ({ id })));
      const arrived: number[] = [];
      for (;;) {
        const { Messages: messages = [] } = await client.send(
          new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
        );
        if (messages.length === 0) break;
        arrived.push(...messages.map(({ Body: body = '' }) => (JSON.parse(body) as Message).id));
      }
      return { batches, failed, arrived: arrived.sort((a, b) => a - b) };
    }

    it('sends only those entries again that were refused for the moment, and each arrives once', async () => {
      const { batches, failed, arrived } = await sendAll(10, (id, time) =>
        (id === 3 && time < 3) || (id === 7 && time < 2) ? 'busy' : 'taken',
      );
      expect(batches.map(({ ids }) => ids)).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 7], [3]]);
      expect(failed).toEqual([]);
      expect(arrived).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    it("answers what is the sender's fault at once, and does not send it again", async () => {
      const { batches, failed, arrived } = await sendAll(3, (id) => (id === 1 ? 'fault' : 'taken'));
      expect(batches.map(({ ids }) => ids)).toEqual([[0, 1, 2]]);
      expect(failed).toEqual([{ index: 1, reason: 'InternalError: fault today' }]);
      expect(arrived).toEqual([0, 2]);
    });

    it('answers what is refused five times, after waits that grow, with the index of the message', async () => {
      const { batches, failed, arrived } = await sendAll(12, (id) => (id === 11 ? 'busy' : 'taken'));
      const [, ...again] = batches.filter(({ ids }) => ids.includes(11));
      expect(again.map(({ ids }) => ids)).toEqual([[11], [11], [11], [11]]);
      expect(failed).toEqual([{ index: 11, reason: 'InternalError: busy today' }]);
      expect(arrived).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      // at least 50 ms, doubled each time; timers may be a millisecond early
      for (const [index, { atMs }] of again.slice(1).entries()) {
        expect(atMs - (again[index]?.atMs ?? 0)).toBeGreaterThanOrEqual(100 * 2 ** index - 2);
      }
    });

    it('sends a batch again whose answer never came: twice rather than never', async () => {
      const url = await makeQueue(`contract-${process.pid}-${queues++}`, {});
      const losing = makeSqsClient();
      let lost = 0;
      losing.middlewareStack.add(
        (next) => async (request) => {
          const answer = await next(request);
          if (lost > 0) return answer;
          lost += 1;
          throw new Error('the connection was reset');
        },
        { step: 'initialize', name: 'loseAnswer' },
      );
      expect(await new SqsQueue<Message>({ client: losing, url }).send([{ id: 1 }])).toEqual([]);
      const { Attributes: { ApproximateNumberOfMessages: count } = {} } = await client.send(
        new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['ApproximateNumberOfMessages'] }),
      );
      expect(count).toBe('2');
    });
  });
});
