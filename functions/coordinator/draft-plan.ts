import { asFanlakeError, FanlakeError } from '../core/errors.ts';
import type { Job } from '../core/job.ts';
import { canSplit, type InputColumn, type Layout } from '../core/layout.ts';
import { inputOf, type PlanDraft, type PlannedTable, type TaskSizing, taskSizing, tasksOf } from '../core/plan.ts';
import type { ObjectStore, ObjectVersion } from '../core/ports.ts';
import type { BoundQuery } from '../core/query.ts';
import { splitObject } from '../core/split.ts';
import type { Split, Task } from '../core/task.ts';
import type { TableLogs } from '../protocol/table-logs.ts';
import { bindToNothing } from './bind-to-nothing.ts';
import { bindToTable, existingTable } from './bind-to-table.ts';
import { inputColumns } from './input-columns.ts';
import type { InspectTools } from './inspect-object.ts';
import { inspectObjects, type LaidOut } from './inspect-objects.ts';
import { planSides } from './plan-sides.ts';
import { withClash } from './type-clashes.ts';

export interface PlanRequest {
  readonly job: Job;
  readonly run: string;
  readonly epoch: number;
  /** Key or path of the table. */
  readonly table: string;
  readonly objects: readonly ObjectVersion[];
  /** What the user asked for; null: what suits the machine. */
  readonly splitBytes: number | null;
}

export interface PlanTools extends InspectTools {
  readonly lake: ObjectStore;
  readonly logs: TableLogs;
  /** How large a task is where the user asks for nothing. */
  readonly sizing: TaskSizing;
}

export interface DraftedPlan {
  readonly draft: Omit<PlanDraft, 'requests'>;
  readonly tasks: Iterable<Task>;
  /** How many that are. */
  readonly taskCount: number;
}

/**
 * Plans a run without writing anything: how each object is read, the input's columns, the bound query, the table's columns, the tasks.
 * @throws FanlakeError whatever keeps it from being planned
 */
export async function draftPlan(tools: PlanTools, request: PlanRequest): Promise<DraftedPlan> {
  const { job, objects } = request;
  const sides = await planSides(tools, job);
  const { layouts, laidOut, learned, clashes, empty } = await inspectObjects(tools, job, objects);
  const existing = await existingTable(tools.lake, tools.logs, job, request.table);
  const columns = inputColumns(job, layouts, learned);
  const binding = { inspector: tools.inspector, job, table: request.table, existing, columns, sides };
  // without a row there are no types to bind a query to
  const bind = empty && !columns.some(({ declared }) => declared) ? bindToNothing : bindToTable;
  const bound = await bind(binding).catch((thrown: unknown) => {
    throw withClash(thrown, job.query, clashes);
  });
  const sizing = sizingFor(job, bound.query, request.splitBytes, tools.sizing);
  const input = inputOf(objects);
  const tasks = () => atLeastOne(bound.query, tasksOf(splitsOf(laidOut, layouts, sizing), sizing, input.bytes));
  let taskCount = 0;
  for (const _task of tasks()) taskCount += 1;
  const isShared = !bound.query.rowwise && taskCount > 1;
  if (isShared && bound.query.staged === null) throw needsOneTask(request, bound.query, taskCount);
  checkLineNumbers(bound.query, laidOut, layouts, sizing);
  return {
    draft: {
      ...draftOf(request, bound, layouts),
      input,
      ...(sides.length > 0 ? { sides } : {}),
      ...(isShared ? { staged: true as const } : {}),
    },
    tasks: { [Symbol.iterator]: tasks },
    taskCount,
  };
}

/** An aggregate over nothing is a row all the same, and somebody has to write it. */
function* atLeastOne({ rowwise }: BoundQuery, tasks: Iterable<Task>): Generator<Task> {
  let isEmpty = true;
  for (const task of tasks) {
    isEmpty = false;
    yield task;
  }
  if (isEmpty && !rowwise) yield { task: 0, splits: [] };
}

interface Bound {
  readonly query: BoundQuery;
  readonly columns: readonly InputColumn[];
  readonly table: PlannedTable;
}

function draftOf({ run, epoch, job, splitBytes }: PlanRequest, { query, columns, table }: Bound, layouts: readonly Layout[]) {
  return { run, epoch, job, splitBytes, table, query, columns, layouts, reuse: [], remainder: false, error: null };
}

/**
 * Unless the user asks for splits, a query that reads line numbers takes each object whole. One that several tasks can't share takes its whole input in one, where the job
 * allows that.
 */
function sizingFor(job: Job, query: BoundQuery, splitBytes: number | null, standard: TaskSizing): TaskSizing {
  const sizing = taskSizing(splitBytes, standard);
  if (splitBytes !== null) return sizing;
  if (!query.rowwise && query.staged === null && job.allowSingleTask) return oneTask;
  return query.reads.includes('line_number') ? { ...sizing, splitBytes: null } : sizing;
}

const oneTask: TaskSizing = { splitBytes: null, taskBytes: Number.POSITIVE_INFINITY, splitsPerTask: Number.POSITIVE_INFINITY };

function* splitsOf(laidOut: readonly LaidOut[], layouts: readonly Layout[], { splitBytes }: TaskSizing): Generator<Split> {
  for (const { object, layout } of laidOut) {
    const how = layouts[layout];
    if (how === undefined) continue;
    for (const range of splitObject(object, how, splitBytes ?? Number.POSITIVE_INFINITY)) yield { object, layout, ...range };
  }
}

function needsOneTask({ job, splitBytes }: PlanRequest, query: BoundQuery, tasks: number): FanlakeError {
  const unsplit = splitBytes === null ? '' : ', without --split-size';
  const way = job.allowSingleTask
    ? 'Leave --split-size away: then one task takes all.'
    : `To let one task take all of the input: --allow-single-task, or allowSingleTask in the job${unsplit}.`;
  return new FanlakeError(
    'query.unsupported',
    `The run would have ${tasks} tasks, and they can't share this query: it ${query.reason ?? 'looks at all rows at once'}. ${way}`,
    { reason: query.reason, tasks },
  );
}

/** Line numbers are right only where a task sees an object from its first line on. */
function checkLineNumbers(query: BoundQuery, laidOut: readonly LaidOut[], layouts: readonly Layout[], { splitBytes }: TaskSizing): void {
  if (splitBytes === null || !query.reads.includes('line_number')) return;
  const cut = laidOut.find(({ object, layout }) => {
    const how = layouts[layout];
    return how?.format === 'text' && canSplit(how) && object.size > splitBytes;
  });
  if (cut === undefined) return;
  throw new FanlakeError(
    'query.unsupported',
    `The query reads line_number, and ${cut.object.key} would be cut into several splits, of which only the first knows its line numbers. Leave --split-size away.`,
    { object: cut.object.key },
  );
}

/** Errors that make the command or the job wrong: nobody has planned anything, and a person has to change something. */
export function isPlanningMistake(thrown: unknown): boolean {
  const { code } = asFanlakeError(thrown);
  return !code.startsWith('input.') && !code.startsWith('store.') && code !== 'internal';
}
