import { CreateQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
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
});
