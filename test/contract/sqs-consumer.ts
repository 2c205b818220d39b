import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message as Received,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { Delivery } from '../../functions/core/ports.ts';
import type { Handler, Message } from './queue.ts';

const pollers = 3;
const waitS = 1;

/** Receives from a queue as Lambda's event source mapping does: batches of ten, acknowledged but for the entries that failed. */
export function consumeSqs(client: SQSClient, url: string, handler: Handler): { stop(): Promise<void> } {
  const closing = new AbortController();
  const visibility = (received: Received, ms: number) =>
    client.send(
      new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle: received.ReceiptHandle, VisibilityTimeout: Math.ceil(ms / 1000) }),
    );
  /** A receipt that has expired acknowledges nothing, and a handler that throws doesn't either. */
  const settle = async (handled: ReturnType<Handler>, kept: Set<number>, messages: readonly Received[]): Promise<void> => {
    try {
      for (const index of (await handled) ?? []) kept.add(index);
    } catch {
      return;
    }
    for (const [index, { ReceiptHandle: receipt }] of messages.entries()) {
      if (!kept.has(index)) await client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: receipt })).catch(() => {});
    }
  };
  const poll = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      const { Messages: messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: waitS,
          MessageSystemAttributeNames: ['ApproximateReceiveCount'],
        }),
      );
      if (messages.length === 0) continue;
      const kept = new Set<number>();
      const batch = messages.map(
        (received, index): Delivery<Message> => ({
          body: JSON.parse(received.Body ?? '') as Message,
          receiveCount: Number(received.Attributes?.ApproximateReceiveCount),
          extend: async (ms) => void (await visibility(received, ms)),
          retryIn: async (ms) => {
            kept.add(index);
            await visibility(received, ms);
          },
        }),
      );
      // a handler that hangs keeps no other message
      void settle(handler(batch), kept, messages);
    }
  };
  const running = Promise.all(Array.from({ length: pollers }, poll));
  return {
    stop: async () => {
      closing.abort();
      await running;
    },
  };
}
