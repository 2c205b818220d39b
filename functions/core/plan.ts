import type { ErrorReport } from './errors.ts';
import { FanlakeError } from './errors.ts';
import type { Job } from './job.ts';
import { type EpochId, tasksPerGroup } from './keys.ts';
import type { InputColumn, Layout } from './layout.ts';
import type { RequestCounts } from './part.ts';
import type { ObjectVersion } from './ports.ts';
import type { BoundQuery } from './query.ts';
import type { PlannedSide } from './side-table.ts';
import type { StagedQuery } from './staged-query.ts';
import type { Split, Task } from './task.ts';

/** Version of the stored documents; code that doesn't speak a plan's version fails its run with the command to type. */
export const planFormat = 2;

/** Most tasks of a run. */
export const maxTasks = 1_000_000;

/** Tasks of a page of the plan: a page is a group, and what one dispatch message sends. */
export const tasksPerPage = tasksPerGroup;

/** A column of the table, in the order of the query's output. */
export interface TableColumn {
  readonly name: string;
  /** The DuckDB type that the data files have. */
  readonly type: string;
  /** Cast from the query's type when the table stores another. */
  readonly castTo: string | null;
}

export interface PlannedTable {
  /** Key in the lake root; a path for a table elsewhere on this disk. */
  readonly key: string;
  readonly format: 'delta' | 'parquet';
  readonly partitionBy: readonly string[];
  readonly columns: readonly TableColumn[];
}

/** Parts of an earlier epoch that this one takes as they are: half-open ranges of task numbers. */
export interface ReusedParts {
  readonly epoch: number;
  readonly tasks: readonly (readonly [number, number])[];
}

/** Immutable list of a run's tasks, written before the first message. */
export interface Plan extends EpochId {
  readonly format: typeof planFormat;
  /** Of the attempt that wrote it; names its pages. */
  readonly nonce: string;
  readonly createdMs: number;
  /** The time that the query's functions tell (`now()`), in milliseconds since 1970 UTC. Left away in a run's first epoch: when that was planned. */
  readonly queryMs?: number;
  readonly job: Job;
  readonly table: PlannedTable;
  readonly query: BoundQuery;
  /** Input columns, pinned. */
  readonly columns: readonly InputColumn[];
  readonly layouts: readonly Layout[];
  /** Small tables that every map task takes whole. Left away without any, and by older versions. */
  readonly sides?: readonly PlannedSide[];
  readonly input: {
    readonly objects: number;
    readonly bytes: number;
    /** Keys of the first objects, for receipts. Left away by older versions. */
    readonly first?: readonly string[];
  };
  /**
   * Set when the tasks share a query that looks at several rows at once: then they hand their rows on, and merge tasks make the answer (`query.staged`). Of one
   * task alone the query is run as it is. All epochs of a plan agree, so that parts are of one kind.
   */
  readonly staged?: true;
  /** Bytes of a split that the user asked for; null: what suited the machine. Left away where nothing was planned. */
  readonly splitBytes?: number | null;
  readonly tasks: number;
  /** The tasks themselves when they are few, so that a small run needs no page; else null, and they stand in the pages. */
  readonly inline: readonly Task[] | null;
  readonly reuse: readonly ReusedParts[];
  /** The rest of a run that is committed in part: its tasks cover only what was missing. */
  readonly remainder: boolean;
  /** Requests that planning took. */
  readonly requests: RequestCounts;
  /** Set when the input can't be planned: then there are no tasks, and the run fails with it. */
  readonly error: ErrorReport | null;
}

/** Most tasks that stand in the plan itself. */
export const maxInlineTasks = 10;

/** What a plan says of its input. */
export function inputOf(objects: readonly ObjectVersion[]): Required<Plan['input']> {
  const bytes = objects.reduce((sum, { size }) => sum + size, 0);
  return { objects: objects.length, bytes, first: objects.slice(0, namedObjects).map(({ key }) => key) };
}

/** Objects that a plan names. */
const namedObjects = 3;

/** The time that the query's functions tell: one for all tasks, attempts and epochs of a run. In milliseconds since 1970 UTC. */
export const queryTimeOf = ({ queryMs, createdMs }: Plan): number => queryMs ?? createdMs;

/** What is known of a plan before its tasks are counted. */
export type PlanDraft = Omit<Plan, 'format' | 'nonce' | 'createdMs' | 'tasks' | 'inline'>;

/** The stages behind the map stage; null of a run whose map tasks write the table's data files. */
export const stagesOf = (plan: Plan): StagedQuery | null => (plan.staged === true ? plan.query.staged : null);

/** Tasks that an epoch takes over from earlier ones. */
export const reusedCount = (plan: Plan): number =>
  plan.reuse.reduce((sum, { tasks }) => sum + tasks.reduce((count, [start, end]) => count + end - start, 0), 0);

export interface PlanPage {
  readonly tasks: readonly Task[];
}

/** How many bytes of input a task aims at, and how splits share tasks. */
export interface TaskSizing {
  /** A split is at most so long; null: an object is one split. */
  readonly splitBytes: number | null;
  /** Small splits share a task until it has so many bytes ... */
  readonly taskBytes: number;
  /** ... or so many splits. */
  readonly splitsPerTask: number;
}

/**
 * On a laptop an object is one split, handed to the engine as it lies with all threads, because nothing is gained by cutting it
 * (docs/decisions.md has the measurement); small objects share a task, so that a thousand of them are not a thousand starts of the engine.
 */
export const wholeObjects: TaskSizing = { splitBytes: null, taskBytes: 64 * 1024 * 1024, splitsPerTask: 500 };

/**
 * Where many machines work at once, objects are cut into splits, and small ones share a task as far as fetching them one after the other takes seconds.
 * @param bytes of input that a task aims at
 */
export const manyWorkers = (bytes: number): TaskSizing => ({ splitBytes: bytes, taskBytes: bytes, splitsPerTask: 100 });

/**
 * How large a task is.
 * @param splitBytes what the user asked for, or null
 * @param standard what suits the machines that run it
 */
export function taskSizing(splitBytes: number | null, standard: TaskSizing = wholeObjects): TaskSizing {
  // a split size is a wish to see that many tasks: nothing is put together
  return splitBytes === null ? standard : { splitBytes, taskBytes: 0, splitsPerTask: 1 };
}

/**
 * Splits as numbered tasks, without holding more than one task.
 * @throws FanlakeError `plan.too-large` past a million tasks, naming a split size that fits
 */
export function* tasksOf(splits: Iterable<Split>, sizing: TaskSizing, inputBytes: number): Generator<Task> {
  let pending: Split[] = [];
  let pendingBytes = 0;
  let task = 0;
  for (const split of splits) {
    const bytes = split.end - split.start;
    if (pending.length > 0 && (pendingBytes + bytes > sizing.taskBytes || pending.length >= sizing.splitsPerTask)) {
      yield { task: task++, splits: pending };
      [pending, pendingBytes] = [[], 0];
    }
    if (task >= maxTasks) throw tooManyTasks(inputBytes);
    pending.push(split);
    pendingBytes += bytes;
  }
  if (pending.length > 0) yield { task, splits: pending };
}

/** The refusal of a run with too many tasks: names the smallest split size that fits. */
export function tooManyTasks(inputBytes: number): FanlakeError {
  const smallest = Math.ceil(inputBytes / (maxTasks - 1));
  return new FanlakeError(
    'plan.too-large',
    `The run would have more than ${maxTasks.toLocaleString('en')} tasks. Use --split-size ${smallest} or more, or fewer objects.`,
    { maxTasks, smallestSplitBytes: smallest },
  );
}
