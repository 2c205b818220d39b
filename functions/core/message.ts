import * as z from 'zod';
import { FanlakeError } from './errors.ts';
import type { LogFields } from './log-fields.ts';
import type { MergeMessage } from './merge-task.ts';
import type { CommitMessage, DispatchMessage, MonitorMessage, TaskMessage } from './task.ts';

const epoch = { run: z.string().min(1), epoch: z.int().min(0) };
const object = z.object({ key: z.string(), version: z.string(), size: z.number() });
const split = z.object({ object, layout: z.int(), start: z.number(), end: z.number(), from: z.number().optional() });

const task = z.object({
  kind: z.literal('task'),
  ...epoch,
  plan: z.string(),
  stage: z.int().min(0),
  task: z.object({ task: z.int().min(0), splits: z.array(split) }),
});
const range = z.object({ epoch: z.int().min(0), from: z.int().min(0), to: z.int().min(0) });
const sortKey = z
  .string()
  .regex(/^[0-9A-F]*$/)
  .nullable();
const merge = z.object({
  kind: z.literal('merge'),
  ...epoch,
  plan: z.string(),
  stage: z.int().min(1),
  task: z.object({
    task: z.int().min(0),
    inputs: z.array(range),
    buckets: z.tuple([z.int(), z.int()]),
    bounds: z.tuple([sortKey, sortKey]).optional(),
    bytes: z.number(),
  }),
});
const dispatch = z.object({ kind: z.literal('dispatch'), ...epoch, page: z.int().min(0) });
const commit = z.object({ kind: z.literal('commit'), ...epoch, table: z.string().min(1) });
const monitor = z.object({ kind: z.literal('monitor'), ...epoch });

/** What the queues behind the coordinator carry. */
const message = z.discriminatedUnion('kind', [task, merge, dispatch, commit, monitor]);

export type RunQueueMessage = TaskMessage | MergeMessage | DispatchMessage | CommitMessage | MonitorMessage;

/**
 * A message of ours, from its text.
 * @throws FanlakeError `usage` when it is none: it comes to rest as a dead letter
 */
export function readMessage(body: string): RunQueueMessage {
  try {
    return message.parse(JSON.parse(body)) as RunQueueMessage;
  } catch (thrown) {
    throw new FanlakeError('usage', 'A message is none of Fanlake, or of another version of it.', {}, thrown);
  }
}

/** Run and task that a message's text is about, for a line of the log; nothing for what is none of ours. */
export function aboutMessage(body: string): LogFields {
  try {
    const found = readMessage(body);
    const { run, epoch } = found;
    if (found.kind === 'merge') return { run, epoch, stage: found.stage, task: found.task.task };
    return found.kind === 'task' ? { run, epoch, task: found.task.task } : { run, epoch };
  } catch {
    return {};
  }
}
