import type { EpochId } from './keys.ts';

/** Tasks of one epoch's stage: a half-open range of their numbers. */
export interface TaskRange {
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
}

/** Sort keys between which rows stand, half-open: hexadecimal, of any length; null where there is no bound. */
export type SortBounds = readonly [from: string | null, to: string | null];

/** What a task takes of each part: some buckets; of rows that were sorted, those between two sort keys. */
export interface PartShare {
  /** Half-open range of buckets. */
  readonly buckets: readonly [number, number];
  /** Left away where the step has no order that tasks share. */
  readonly bounds?: SortBounds;
}

/** A task of a merge stage: a share of the rows that some tasks of the stage before handed on. Numbered from 0 within its epoch and stage. */
export interface MergeTask extends PartShare {
  readonly task: number;
  /** Whose rows it takes, in order. Of another epoch only where the plan takes over parts of its map stage. */
  readonly inputs: readonly TaskRange[];
  /** Bytes of the parts' objects that it has to fetch, as far as is known: tells how long it may take. */
  readonly bytes: number;
}

/**
 * The tasks of a merge stage, written once (create-if-absent) by whoever completes the stage before: they follow from what that one handed on.
 */
export interface StageTasks {
  readonly format: 1;
  /** Index of the step in the plan's query. */
  readonly step: number;
  /**
   * `combine`: its tasks make few parts of many, with the step's `combine` (or as they are). `deal`: the same with the rows of buckets that are too large, which they deal
   * into finer ones. `merge`: the step's own query.
   */
  readonly kind: 'combine' | 'deal' | 'merge';
  /** Whether its tasks write the table's data files. */
  readonly last: boolean;
  readonly tasks: readonly MergeTask[];
}

/** The same as it is stored. */
export interface StoredStage extends StageTasks {
  readonly createdMs: number;
  /** Whether a monitor has begun it. Whoever else dies before all of its tasks are sent has a message that comes again and sends them; a monitor's sees only that it has begun. */
  readonly byMonitor?: true;
}

export interface MergeMessage extends EpochId {
  readonly kind: 'merge';
  /** Nonce of the plan that it is of. */
  readonly plan: string;
  /** From 1: the map stage is 0. */
  readonly stage: number;
  readonly task: MergeTask;
}
