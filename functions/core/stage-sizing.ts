import type { PartOutput } from './part.ts';
import { buckets } from './staged-query.ts';

/** How many tasks share the rows of a stage, and when many small parts are made few first. */
export interface StageSizing {
  /** Bytes that a merge task aims at, as they are stored. */
  readonly mergeBytes: number;
  /** A task that combines takes at most so many parts ... */
  readonly combineInputs: number;
  /** ... or so many bytes. */
  readonly combineBytes: number;
  /** Parts that a merge task takes at most where they can be combined: each is a request, one behind the other. */
  readonly mostInputs: number;
  /** Each task of a stage asks for each part: so many requests a part, and so many in all, are few. */
  readonly requestsPerInput: number;
  readonly freeRequests: number;
  /** Bytes that one task should take at most: a bucket with more is dealt into finer ones. */
  readonly mostBytes: number;
}

/**
 * A function moves about 78 MB a second each way, so that 64 MiB are a task of seconds. What 64 parts come to is fetched by one function, unless they are large: a
 * gibibyte is a quarter of a minute, and a tenth of its disk. In memory its rows are several times as many bytes, which the engine spills to the rest of that disk:
 * so no task is meant to merge more either.
 */
export const stageSizing: StageSizing = {
  mergeBytes: 64 * 2 ** 20,
  combineInputs: 64,
  combineBytes: 2 ** 30,
  mostInputs: 1_000,
  requestsPerInput: 4,
  freeRequests: 1_000,
  mostBytes: 2 ** 30,
};

/** How many tasks are to share the rows of parts: as many as they would have buckets, and beyond that as few as can take them. */
export function tasksFor(parts: readonly Pick<PartOutput, 'bytes'>[], { mergeBytes, mostBytes }: StageSizing): number {
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  return Math.max(1, Math.min(Math.ceil(bytes / mergeBytes), Math.max(buckets, Math.ceil(bytes / mostBytes))));
}
