import type { Queue } from '../core/ports.ts';
import { sendAll } from '../protocol/send.ts';
import type { Log } from '../runtime/log.ts';

/** Where messages rest that nobody can do anything with, and who is told of it. */
export interface Rest {
  /** Messages as they came, each with why. */
  readonly undeliverable: Queue<unknown>;
  readonly log: Log;
}

/** Before a dead message is tried again instead: whatever keeps it from being done lasts longer than its queue's deliveries did. */
export const laterMs = 15 * 60_000;

/** Lays a message to rest: no function takes it up again. */
export async function lay({ undeliverable }: Rest, body: string, why: string): Promise<void> {
  await sendAll(undeliverable, [{ why, body }]);
}

/** The same of one that can't be understood, which is counted. */
export async function layMalformed(context: Rest, body: string, why: string): Promise<void> {
  context.log.count('MalformedMessages');
  context.log.warn(`undeliverable: ${why}`);
  await lay(context, body, why);
}
