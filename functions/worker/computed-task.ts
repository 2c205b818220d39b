import type { ChainLink } from '../core/chain.ts';
import type { WrittenFile } from '../core/data-file.ts';
import type { Ignored } from '../core/ignored-keys.ts';
import type { MergeTask, StageTasks } from '../core/merge-task.ts';
import type { Checksum, PartOutput, RowCounts } from '../core/part.ts';
import type { BadRecord } from '../core/piece.ts';
import type { Plan } from '../core/plan.ts';
import type { Task } from '../core/task.ts';

/** What an attempt at a task has made, still on this machine's disk. */
export interface ComputedTask {
  readonly rows: RowCounts;
  readonly bytesCovered: number;
  readonly chain: readonly ChainLink[];
  readonly files: readonly WrittenFile[];
  readonly bad: readonly BadRecord[];
  readonly checksum: Checksum;
  /** Values of JSON that no column holds. Default: none. */
  readonly ignored?: Ignored;
  /** Rows for the next stage, of a task that isn't of the last. */
  readonly output?: ComputedOutput;
}

/** Rows for the next stage, still on this machine's disk. */
export interface ComputedOutput extends Omit<PartOutput, 'nonce'> {
  /** Null without a row. */
  readonly path: string | null;
}

/** What a merge task takes from one task of the stage before. */
export interface MergeInput {
  /** The object in the work root. */
  readonly key: string;
  readonly output: PartOutput;
}

/** What an attempt at a merge task has made. */
export interface ComputedMerge {
  /** Rows that it took, as the engine counted them. */
  readonly consumed: number;
  /** Rows in `files`. */
  readonly written: number;
  /** Data files, of a task of the last stage. */
  readonly files: readonly WrittenFile[];
  /** Rows for the next stage, else. */
  readonly output: ComputedOutput | null;
}

export interface Attempt {
  /** Unlike any other attempt's. */
  readonly nonce: string;
  /** 1 the first time. */
  readonly receiveCount: number;
  /** A new folder for everything that the attempt writes; removed afterwards. */
  readonly folder: string;
}

/** What a task's rows cost and bring, apart from the protocol: so that a simulation can stand in for engine and formats. */
export interface TaskComputer {
  /** Makes an attempt's folder. */
  open(attempt: Attempt): Promise<void>;
  /** Removes it, with all that is in it. */
  close(attempt: Attempt): Promise<void>;
  /** @throws FanlakeError; `TaskError` for what has failed for good after the splits were staged */
  compute(plan: Plan, task: Task, attempt: Attempt): Promise<ComputedTask>;
  /**
   * Computes a task of a merge stage.
   * @param stage the task's stage
   * @param inputs whose rows it takes, in order; those without a row are left out
   * @throws FanlakeError
   */
  computeMerge(plan: Plan, stage: StageTasks, task: MergeTask, inputs: readonly MergeInput[], attempt: Attempt): Promise<ComputedMerge>;
  /** Writes records as a local Parquet file. */
  writeQuarantine(records: readonly BadRecord[], path: string): Promise<void>;
}
