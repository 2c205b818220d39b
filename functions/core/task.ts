import type { EpochId } from './keys.ts';
import type { ObjectVersion } from './ports.ts';

/** A contiguous piece of one input object, half-open; it owns every record that starts inside. */
export interface Split {
  readonly object: ObjectVersion;
  /** Index of the object's layout in the plan. */
  readonly layout: number;
  readonly start: number;
  readonly end: number;
  /** The exact start of its first record, when a broken chain showed it; else absent, and a worker finds it out. */
  readonly from?: number;
}

/** Unit of queue work: one or more splits of one stage of one run. Numbered from 0 within its epoch and stage. */
export interface Task {
  readonly task: number;
  readonly splits: readonly Split[];
}

export interface TaskMessage extends EpochId {
  readonly kind: 'task';
  /** Nonce of the plan that it is of: the message of a plan that was lost is passed over. */
  readonly plan: string;
  readonly stage: number;
  readonly task: Task;
}

/** Sends the tasks of one page of the plan. */
export interface DispatchMessage extends EpochId {
  readonly kind: 'dispatch';
  readonly page: number;
}

/** A run of one upload. */
export interface UploadMessage {
  readonly kind: 'upload';
  readonly job: string;
  readonly object: ObjectVersion;
  /** 0 for an upload that landed; else the epoch behind one that ended in `commit.conflict`, to be planned for the table as it is now. */
  readonly epoch: number;
}

/** A run that a command takes up again: its epoch is to be gone on with, or opened behind the one before it, which has ended. */
export interface RetryMessage extends EpochId {
  readonly kind: 'retry';
  /** Key of its table. */
  readonly table: string;
  /** The stored request with job and input; null: as they were planned. */
  readonly request: string | null;
}

/** An epoch that was asked for and that nobody has planned yet, to be cancelled: the command that does so may die behind its decision. */
export interface CancelMessage extends EpochId {
  readonly kind: 'cancel';
  /** Key of its table. */
  readonly table: string;
}

/** All tasks of the last stage are done, or the run can't go on: decide. */
export interface CommitMessage extends EpochId {
  readonly kind: 'commit';
  /** The table's key, so that runs into one table can share a log entry. */
  readonly table: string;
}

/** Watches one epoch until it has ended. */
export interface MonitorMessage extends EpochId {
  readonly kind: 'monitor';
}

/** A run that a command asks for: its epoch is to be planned from a stored request, over the objects that it lists. */
export interface RunMessage extends EpochId {
  readonly kind: 'run';
  /** Which of the run's requests: the hash of its content, so that a command with another job is another request. */
  readonly request: string;
}
