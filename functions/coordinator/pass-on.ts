import type { Queue } from '../core/ports.ts';
import { sendAll } from '../protocol/send.ts';

/**
 * Sends an event that the coordinator was called with directly, by S3, SNS or EventBridge, to its own queue: there it is delivered until it is planned, and one
 * that never is becomes a dead letter. Lambda itself calls twice more and then forgets the event. Each record is a message, so that none is repeated for another.
 * @throws FanlakeError `store.failed` when a record didn't go out, so that Lambda calls again
 */
export async function passOn(requests: Queue<unknown>, event: unknown): Promise<number> {
  const messages = messagesOf(event);
  await sendAll(requests, messages);
  return messages.length;
}

function messagesOf(event: unknown): readonly unknown[] {
  const { Records: records } = (event ?? {}) as { readonly Records?: unknown };
  return Array.isArray(records) && records.length > 0 ? records.map((record: unknown) => ({ Records: [record] })) : [event];
}
