import { FanlakeError } from '../core/errors.ts';
import { readMessage } from '../core/message.ts';
import type { Delivery } from '../core/ports.ts';
import type { RunContext } from '../protocol/context.ts';
import type { Log } from '../runtime/log.ts';
import { nextTickMs, watchEpoch } from './tick.ts';

/**
 * One tick: looks at the message's epoch once, and has the message come again later unless the epoch needs no monitor any more.
 * @throws FanlakeError `usage` for another message, and whatever the look throws
 */
export async function handleMonitor(context: RunContext, log: Log, delivery: Delivery<string>): Promise<void> {
  const { body, receiveCount } = delivery;
  const message = readMessage(body);
  if (message.kind !== 'monitor') throw new FanlakeError('usage', `A message '${message.kind}' came to the monitor queue.`);
  const isOver = await watchEpoch(context, message);
  log.about({ run: message.run, epoch: message.epoch }).info(isOver ? 'watched to its end' : 'watching', { tick: receiveCount });
  if (!isOver) await delivery.retryIn(nextTickMs(receiveCount));
}
