import { Duration } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';

/** The functions, by the name that their handlers, logs and alarms have. */
export const functionNames = ['coordinator', 'worker', 'reducer', 'monitor', 'dead-letters', 'sweeper'] as const;

export type FunctionName = (typeof functionNames)[number];

/** The queues whose messages are work. */
export const queueNames = ['requests', 'tasks', 'merges', 'commits', 'monitor'] as const;

export type QueueName = (typeof queueNames)[number];

export interface FunctionSize {
  /** Lambda gives 1 vCPU per 1,769 MB. */
  readonly memoryMiB: number;
  readonly timeout: Duration;
  /** Size of `/tmp`. */
  readonly scratchMiB: number;
}

const leastScratchMiB = 512;

/** What each function gets when nobody says otherwise. */
export const functionSizes: Readonly<Record<FunctionName, FunctionSize>> = {
  // 1 vCPU: a plan of a million tasks took 2.1 s and 358 MiB (bench/results/tasks.md, 2026-11-22), DuckDB's library is 70 MB, and heads of objects are staged.
  // As long as Lambda lets it: before a retry takes over files that are days old it looks for each, and there may be 100,000 of them.
  coordinator: { memoryMiB: 1_769, timeout: Duration.minutes(15), scratchMiB: 1_024 },
  // 2 vCPU for two DuckDB threads, which together keep up with the 78 MB/s that a function's network gives. A compressed or Parquet object is one task
  // whatever its size, and is staged whole: scratch is Lambda's largest, which makes a second of this function 0.6 % dearer than with 512 MiB.
  worker: { memoryMiB: 3_538, timeout: Duration.minutes(15), scratchMiB: 10_240 },
  // Lists of files, never rows: a log entry of 100,000 files with their statistics is about 100 MB of text.
  reducer: { memoryMiB: 1_769, timeout: Duration.minutes(10), scratchMiB: leastScratchMiB },
  // A tick repeats the counting of incomplete groups: pages of 1,000 keys, and their parts when a group is full.
  monitor: { memoryMiB: 884, timeout: Duration.minutes(5), scratchMiB: leastScratchMiB },
  'dead-letters': { memoryMiB: 884, timeout: Duration.minutes(5), scratchMiB: leastScratchMiB },
  // Eight log entries at a time, and the keys of 200,000 files. As long as Lambda lets it: it has a whole lake to look at.
  sweeper: { memoryMiB: 1_769, timeout: Duration.minutes(15), scratchMiB: leastScratchMiB },
};

/** Bytes of input that a task aims at: at 256 MiB the costs of one task (staging, last merge) are a tenth of its time (measured 2026-11-22). */
export const defaultSplitBytes = 256 * 2 ** 20;

export interface QueueSize {
  /** Functions at work on the queue at once: Lambda polls no faster, so throttled deliveries don't count as receives. At least 2. */
  readonly maxConcurrency: number;
  readonly batchSize: number;
  /** Deliveries before a message is a dead letter. */
  readonly maxReceives: number;
}

/**
 * What each queue gets when nobody says otherwise. The concurrencies add up to 580 with the dead letters', so that 420 of an account's usual 1,000 are left for
 * others. No mapping has a batching window: with one Lambda may wait up to 20 s on a quiet queue.
 */
export const queueSizes: Readonly<Record<QueueName, QueueSize>> = {
  requests: { maxConcurrency: 20, batchSize: 10, maxReceives: 5 },
  // One task a function: a batch would be as late as its last task, and be killed as a whole.
  tasks: { maxConcurrency: 500, batchSize: 1, maxReceives: 5 },
  merges: { maxConcurrency: 30, batchSize: 1, maxReceives: 5 },
  // Few committers, so that a flood of small uploads fills their batches: one log entry commits a whole batch, and two at once on a table repeat each other's work.
  commits: { maxConcurrency: 5, batchSize: 10, maxReceives: 5 },
  // Each tick of a monitor is a receive, and 1,000 is the most that SQS counts.
  monitor: { maxConcurrency: 15, batchSize: 10, maxReceives: 1_000 },
};

/** Of each of the five dead-letter queues. A message that can't be handled so often is set aside for a person. */
export const deadLetterSize: QueueSize = { maxConcurrency: 2, batchSize: 10, maxReceives: 100 };

/**
 * A source keeps messages for ten days: a monitor lives for at most seven (1,000 ticks of 10 minutes); behind a decided commit that can't be done it may see its end, and the commit's own message goes on. A dead letter keeps the age that it had, so its queue's
 * fourteen days leave four to handle it.
 */
export const messageRetention = Duration.days(10);
export const deadLetterRetention = Duration.days(14);

/** The work bucket must outlive the longest run: the deadline of at most 7 days and the 14 days of a message. */
export const leastWorkDays = 22;
export const defaultWorkDays = 30;

/** Orphans cost nothing but their room, and a sweep lists the whole lake. */
export const sweepEvery = Duration.days(7);

/** Longer than any upload of ours takes (15 minutes), long enough for a person's to be continued after a weekend. */
export const abandonedUploadDays = 7;

export const defaultLogRetention = RetentionDays.THREE_MONTHS;

/** Visibility over timeout where MaximumConcurrency rules throttling out (else AWS advises six). */
const visibilityOverTimeout = 2;

/** How long a message stays hidden from others while its function has it. */
export const visibilityFor = (timeout: Duration): Duration => Duration.seconds(visibilityOverTimeout * timeout.toSeconds());
