import type { DraftedPlan } from '../functions/coordinator/draft-plan.ts';
import type { Job } from '../functions/core/job.ts';
import { type Column, canSplit, type Layout } from '../functions/core/layout.ts';
import type { TaskSizing } from '../functions/core/plan.ts';
import type { Receipt } from '../functions/core/receipt.ts';
import type { StageSizing } from '../functions/core/stage-sizing.ts';
import { tableNames } from '../functions/core/table-log/column-names.ts';
import { type ExplainedCost, type ExplainedStage, explainStages } from './explained-stages.ts';
import { bytes, count, counted } from './render/numbers.ts';

/** One object of the input and how it is read. */
export interface ExplainedObject {
  readonly key: string;
  readonly bytes: number;
  readonly splits: number;
  readonly layout: Layout;
}

export interface ExplainedColumn {
  readonly name: string;
  readonly type: string;
  /** The job declares the type; an existing table has it; the Parquet file has it; or the head of the input shows it. */
  readonly from: 'declared' | 'table' | 'file' | 'learned';
}

export interface ExplainedTableColumn {
  /** The query's name for it. */
  readonly source: string;
  readonly name: string;
  readonly type: string;
  readonly castTo: string | null;
}

/** What a run would do, and why: the document of `explain --json`. */
export interface Explanation {
  readonly run: string;
  readonly job: string;
  /** How the very same run stands already; null when nobody has planned it. */
  readonly known: Receipt['outcome'] | Receipt['state'];
  readonly input: { readonly objects: number; readonly bytes: number };
  readonly stages: readonly ExplainedStage[];
  readonly cost: ExplainedCost;
  readonly why: string;
  readonly objects: readonly ExplainedObject[];
  readonly columns: readonly ExplainedColumn[];
  /** The small tables that every task takes whole. */
  readonly sides: readonly { readonly name: string; readonly key: string; readonly bytes: number; readonly columns: readonly Column[] }[];
  readonly query: {
    readonly sql: string;
    readonly rowwise: boolean;
    /** What makes it look at several rows at once. */
    readonly reason: string | null;
    /** Whether several tasks can share it. */
    readonly shareable: boolean;
    readonly reads: readonly string[];
  };
  readonly table: {
    readonly name: string;
    /** Null where the answer is printed, and belongs to no table. */
    readonly path: string | null;
    readonly format: string;
    readonly mode: string;
    /** Of an existing Delta table; null for a new one. */
    readonly version: number | null;
    readonly partitionBy: readonly string[];
    readonly columns: readonly ExplainedTableColumn[];
  };
}

export interface ExplainedPlan {
  readonly job: Job;
  readonly drafted: DraftedPlan;
  readonly splitBytes: number | null;
  /** What suits the machines that would run it. */
  readonly sizing: TaskSizing;
  readonly stageSizing: StageSizing;
  readonly known: Explanation['known'];
  /** Null where the answer is printed. */
  readonly tablePath: string | null;
  readonly tableVersion: number | null;
}

/** What a drafted plan means, for a person or a script. */
export function explain({ job, drafted, splitBytes, sizing, stageSizing, known, tablePath, tableVersion }: ExplainedPlan): Explanation {
  const { draft } = drafted;
  const objects = objectsOf(drafted);
  const splits = objects.reduce((sum, object) => sum + object.splits, 0);
  const { sql, rowwise, reason, reads, staged } = draft.query;
  return {
    run: draft.run,
    job: job.name,
    known,
    input: draft.input,
    ...explainStages(drafted, splits, stageSizing),
    why: whySoMany(drafted, objects, splits, { splitBytes, sizing }),
    objects,
    columns: inputColumns(job, drafted, tableVersion !== null),
    sides: (draft.sides ?? []).map(({ name, object, columns }) => ({
      name,
      key: object.key,
      bytes: object.size,
      columns: columns.map((column) => ({ name: column.name, type: column.type })),
    })),
    query: { sql, rowwise, reason, shareable: rowwise || staged !== null, reads },
    table: {
      name: job.table.name,
      path: tablePath,
      format: draft.table.format,
      mode: job.table.mode,
      version: tableVersion,
      partitionBy: draft.table.partitionBy,
      columns: tablePath === null ? answerColumns(drafted) : tableColumns(job, drafted),
    },
  };
}

function objectsOf({ draft, tasks }: DraftedPlan): readonly ExplainedObject[] {
  const objects = new Map<string, { key: string; bytes: number; splits: number; layout: Layout }>();
  for (const { splits } of tasks) {
    for (const { object, layout } of splits) {
      const known = objects.get(object.key);
      const how = draft.layouts[layout];
      if (known !== undefined) known.splits += 1;
      else if (how !== undefined) objects.set(object.key, { key: object.key, bytes: object.size, splits: 1, layout: how });
    }
  }
  return [...objects.values()];
}

function whySoMany(
  { draft, taskCount }: DraftedPlan,
  objects: readonly ExplainedObject[],
  splits: number,
  { splitBytes, sizing }: Pick<ExplainedPlan, 'splitBytes' | 'sizing'>,
): string {
  const many = counted(objects.length, 'object');
  const { rowwise, staged, reason } = draft.query;
  // put together, whatever their size
  if (!rowwise && staged === null && draft.job.allowSingleTask && splitBytes === null && objects.length > 1)
    return `one task, as the job allows it: several can't share the query, because it ${reason ?? 'needs all rows at once'}`;
  const whole = objects.filter(({ layout }) => !canSplit(layout)).length;
  const left = whole === 0 ? '' : `; ${counted(whole, 'object')} can't be cut (compressed, Parquet or a JSON array)`;
  if (splitBytes !== null) return `--split-size ${bytes(splitBytes)} cuts ${many} into ${counted(splits, 'split')}, one a task${left}`;
  const { taskBytes, splitsPerTask } = sizing;
  const shared =
    taskCount < objects.length ? `; small ones share a task, up to ${bytes(taskBytes)} or ${count(splitsPerTask)} objects` : '';
  if (sizing.splitBytes !== null) {
    const cut = `the stack cuts objects into splits of ${bytes(sizing.splitBytes)}, so ${many} ${objects.length === 1 ? 'is' : 'are'}`;
    return `${cut} ${counted(splits, 'split')} in ${counted(taskCount, 'task')}${left}${shared}`;
  }
  return `on one machine an object is read whole by all its cores, so ${many} ${objects.length === 1 ? 'is' : 'are'} ${counted(taskCount, 'task')}${shared}`;
}

function inputColumns(job: Job, { draft }: DraftedPlan, tableExists: boolean): readonly ExplainedColumn[] {
  const { output, passThrough } = draft.query;
  // an existing table's type wins for a column that goes into it unchanged
  const givenByTable = new Set(tableExists ? output.map(({ name }) => passThrough[name]) : []);
  const parquet = draft.layouts.length > 0 && draft.layouts.every(({ format }) => format === 'parquet');
  return draft.columns.map(({ name, type }) => {
    if (job.input.columns?.[name] !== undefined) return { name, type, from: 'declared' };
    if (givenByTable.has(name)) return { name, type, from: 'table' };
    return { name, type, from: parquet ? 'file' : 'learned' };
  });
}

function tableColumns(job: Job, { draft }: DraftedPlan): readonly ExplainedTableColumn[] {
  const named = tableNames(draft.query.output, job.table.columnNames);
  return draft.table.columns.map(({ name, type, castTo }, index) => ({ source: named[index]?.source ?? name, name, type, castTo }));
}

/** What is printed has the query's own names and types, however its values are kept until then. */
function answerColumns({ draft }: DraftedPlan): readonly ExplainedTableColumn[] {
  return draft.query.output.map(({ name, type }) => ({ source: name, name, type, castTo: null }));
}
