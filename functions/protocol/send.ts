import { FanlakeError } from '../core/errors.ts';
import type { Queue } from '../core/ports.ts';

/**
 * Sends all messages, or throws so that the sender's own message is delivered again: every receiver of ours may get a message twice.
 * @throws FanlakeError `store.failed` naming how many didn't go out
 */
export async function sendAll<Message>(queue: Queue<Message>, messages: readonly Message[], delayMs?: number): Promise<void> {
  const failed = await queue.send(messages, delayMs);
  const first = failed[0];
  if (first === undefined) return;
  throw new FanlakeError(
    'store.failed',
    `${failed.length} of ${messages.length} messages didn't go out: ${first.reason}. They are sent again.`,
  );
}
