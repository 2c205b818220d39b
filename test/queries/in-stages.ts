import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { LocalStore } from '../../functions/adapters/local-store.ts';
import { draftPlan, type PlanTools } from '../../functions/coordinator/draft-plan.ts';
import { parseJob } from '../../functions/core/job.ts';
import { rowsKey } from '../../functions/core/keys.ts';
import type { StageTasks } from '../../functions/core/merge-task.ts';
import { type Plan, planFormat, stagesOf, wholeObjects } from '../../functions/core/plan.ts';
import type { ObjectVersion } from '../../functions/core/ports.ts';
import type { StageOutput } from '../../functions/core/stage-inputs.ts';
import { planStage } from '../../functions/core/stage-planning.ts';
import type { StageSizing } from '../../functions/core/stage-sizing.ts';
import { engineInspector } from '../../functions/engine/inspector.ts';
import { Engine } from '../../functions/engine/session.ts';
import { TableLogs } from '../../functions/protocol/table-logs.ts';
import { mapComputer } from '../../functions/worker/compute-map.ts';
import type { ComputedOutput, MergeInput } from '../../functions/worker/computed-task.ts';

/** So small that tables of some hundred rows have several merge tasks, and several levels of combining. */
const tinySizing: StageSizing = {
  mergeBytes: 2_000,
  combineInputs: 3,
  combineBytes: 1 << 30,
  mostInputs: 5,
  requestsPerInput: 2,
  freeRequests: 3,
  mostBytes: 1 << 30,
};

/** Decides the order of tasks, and which are done twice. */
export interface Chance {
  /** A whole number from 0 to `below` - 1. */
  readonly next: (below: number) => number;
}

function shuffled<Item>(items: readonly Item[], chance: Chance): Item[] {
  const mixed = [...items];
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = chance.next(last + 1);
    [mixed[last], mixed[other]] = [mixed[other] as Item, mixed[last] as Item];
  }
  return mixed;
}

/** Rows as lists of texts, NULL for NULL. */
export type Rows = readonly (readonly (string | null)[])[];

/**
 * Runs queries over cut tables with the functions that run on Lambda, planning included, but without queues: each task is computed in a random order, some twice.
 * One DuckDB beside it gives the answers to compare with.
 */
export class QueryBench {
  private readonly folder: string;
  private readonly landing: LocalStore;
  private readonly work: LocalStore;
  private readonly engine: Engine;
  private readonly inspector: ReturnType<typeof engineInspector>;
  private readonly oracle: DuckDBConnection;
  private objects: readonly ObjectVersion[] = [];
  /** Of a table that is CSV. */
  private text: { readonly input: object; readonly splitBytes: number } | null = null;
  private readonly sides: Record<string, string> = {};
  /** Stages so far in which several tasks shared an order, and those that dealt rows again. */
  readonly stages = { sorted: 0, dealt: 0 };
  private attempts = 0;
  private runs = 0;

  private constructor(folder: string, engine: Engine, oracle: DuckDBConnection) {
    this.folder = folder;
    this.engine = engine;
    this.oracle = oracle;
    this.landing = new LocalStore(join(folder, 'landing'), { durable: false });
    this.work = new LocalStore(join(folder, 'work'), { durable: false });
    this.inspector = engineInspector(join(folder, 'inspector'), 512 << 20);
  }

  static async open(): Promise<QueryBench> {
    const folder = mkdtempSync(join(tmpdir(), 'fanlake-queries-'));
    for (const name of ['landing', 'work', 'inspector', 'scratch']) mkdirSync(join(folder, name));
    const engine = await Engine.open({ threads: 2, memoryLimitBytes: 1 << 30, scratch: join(folder, 'scratch') });
    // the attempts' folders are allowed with it, and so is what tasks hand on
    await engine.allow([folder]);
    const oracle = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect();
    await oracle.run("SET TimeZone = 'UTC'");
    return new QueryBench(folder, engine, oracle);
  }

  async close(): Promise<void> {
    await this.inspector.close();
    this.engine.close();
    this.oracle.closeSync();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /**
   * Makes a table, and cuts it into one object for each range of ids.
   * @param asText then it is one CSV object, which is cut into as many splits
   */
  async makeTable(sql: string, cuts: readonly number[], asText = false): Promise<void> {
    await this.oracle.run(`CREATE OR REPLACE TABLE input AS ${sql}`);
    if (asText) return this.makeText(cuts.length);
    this.text = null;
    const objects: ObjectVersion[] = [];
    for (const [index, end] of cuts.entries()) {
      const key = `t${this.runs}-${index}.parquet`;
      const range = `id >= ${cuts[index - 1] ?? 0} AND id < ${end}`;
      await this.oracle.run(`COPY (SELECT * FROM input WHERE ${range}) TO '${join(this.folder, 'landing', key)}' (FORMAT parquet)`);
      const object = await this.landing.head(key);
      if (object !== null) objects.push(object);
    }
    this.objects = objects;
  }

  private async makeText(splits: number): Promise<void> {
    const key = `t${this.runs}.csv`;
    await this.oracle.run(
      `COPY (SELECT * FROM input ORDER BY id) TO '${join(this.folder, 'landing', key)}' (FORMAT csv, HEADER, NULLSTR 'NULL')`,
    );
    const described = await this.oracle.runAndReadAll('DESCRIBE input');
    const object = await this.landing.head(key);
    if (object === null) throw new Error('the object is not there');
    this.objects = [object];
    this.text = {
      input: {
        columns: Object.fromEntries(described.getRows().map(([name, type]) => [String(name), String(type)])),
        format: { type: 'csv', header: true, nullStrings: ['NULL'] },
      },
      splitBytes: Math.max(1, Math.ceil(object.size / splits)),
    };
  }

  /** Makes a side input that the queries may read. */
  async makeSide(name: string, sql: string): Promise<void> {
    await this.oracle.run(`CREATE OR REPLACE TABLE "${name}" AS ${sql}`);
    const key = `${name}.parquet`;
    await this.oracle.run(`COPY "${name}" TO '${join(this.folder, 'landing', key)}' (FORMAT parquet)`);
    this.sides[name] = key;
  }

  /** What one DuckDB answers. */
  async answerOfOne(sql: string): Promise<Rows> {
    return this.texts(`SELECT * FROM (${sql})`);
  }

  /** What tasks answer together. */
  async answerOfMany(sql: string, chance: Chance): Promise<Rows> {
    const run = `queries-${String(this.runs++).padStart(20, '0')}`;
    const job = parseJob({ name: 'queries', input: this.text?.input ?? {}, inputs: this.sides, query: sql, table: { name: 'answer' } });
    const splitBytes = this.text?.splitBytes ?? 2 ** 40;
    const tools: PlanTools = {
      landing: this.landing,
      lake: this.work,
      inspector: this.inspector,
      scratch: join(this.folder, 'inspector'),
      logs: new TableLogs(this.work),
      sizing: wholeObjects,
    };
    const { draft, tasks } = await draftPlan(tools, { job, run, epoch: 0, table: 'answer', objects: this.objects, splitBytes });
    const all = [...tasks];
    const plan: Plan = { ...draft, format: planFormat, nonce: '000000000000', createdMs: 0, tasks: all.length, inline: null, requests: {} };
    const files = await this.run(plan, all, chance);
    const list = files.map((path) => `'${path}'`).join(', ');
    return files.length === 0 ? [] : this.texts(`SELECT * FROM read_parquet([${list}], hive_partitioning = false)`);
  }

  /** @returns the data files, in the order of the last stage's tasks */
  private async run(
    plan: Plan,
    tasks: Parameters<ReturnType<typeof mapComputer>['compute']>[1][],
    chance: Chance,
  ): Promise<readonly string[]> {
    const engines = { engine: async () => this.engine };
    // a text's splits are cut down to the fields that a query needs as large ones are
    const computer = mapComputer({ landing: this.landing, work: this.work, engines, projectBytes: 1 });
    const steps = stagesOf(plan)?.steps ?? null;
    const files = new Map<number, readonly string[]>();
    let outputs: StageOutput[] = [];
    for (const task of shuffled(tasks, chance)) {
      const { made, nonce } = await this.attempt(chance, (attempt) => computer.compute(plan, task, attempt));
      files.set(
        task.task,
        made.files.map(({ path }) => path),
      );
      if (steps !== null) outputs.push(await this.keep(plan, 0, task.task, nonce, made.output));
    }
    if (steps === null) return inTaskOrder(files);
    // for some of them, since it makes hundreds of tasks
    const sizing = { ...tinySizing, mostBytes: chance.next(3) === 0 ? 100 : tinySizing.mostBytes };
    let before: StageTasks | null = null;
    for (let stage = 1; ; stage++) {
      outputs.sort((a, b) => a.task - b.task);
      const planned: StageTasks = planStage(outputs, before, steps, sizing);
      if (planned.tasks.some(({ bounds }) => bounds !== undefined)) this.stages.sorted += 1;
      if (planned.kind === 'deal') this.stages.dealt += 1;
      const handedOn: StageOutput[] = [];
      files.clear();
      for (const task of shuffled(planned.tasks, chance)) {
        const inputs = task.inputs.flatMap(({ from, to }): MergeInput[] =>
          outputs
            .filter((output) => output.rows > 0 && output.task >= from && output.task < to)
            .map((output) => ({ key: rowsKey(plan, stage - 1, output.task, output.nonce), output })),
        );
        const { made, nonce } = await this.attempt(chance, (attempt) => computer.computeMerge(plan, planned, task, inputs, attempt));
        files.set(
          task.task,
          made.files.map(({ path }) => path),
        );
        if (!planned.last) handedOn.push(await this.keep(plan, stage, task.task, nonce, made.output ?? undefined));
      }
      if (planned.last) return inTaskOrder(files);
      outputs = handedOn;
      before = planned;
    }
  }

  /** One attempt, or two of which the second counts. */
  private async attempt<Made>(
    chance: Chance,
    compute: (attempt: { readonly nonce: string; readonly receiveCount: number; readonly folder: string }) => Promise<Made>,
  ): Promise<{ readonly made: Made; readonly nonce: string }> {
    const times = chance.next(8) === 0 ? 2 : 1;
    for (let receiveCount = 1; ; receiveCount++) {
      const nonce = (this.attempts++).toString(16).padStart(12, '0');
      const folder = join(this.folder, 'scratch', nonce);
      mkdirSync(folder);
      const made = await compute({ nonce, receiveCount, folder });
      if (receiveCount === times) return { made, nonce };
    }
  }

  private async keep(plan: Plan, stage: number, task: number, nonce: string, output: ComputedOutput | undefined): Promise<StageOutput> {
    if (output === undefined) throw new Error(`task ${task} of stage ${stage} handed nothing on`);
    const { path, ...rest } = output;
    if (path !== null) await this.work.create(rowsKey(plan, stage, task, nonce), { path });
    return { ...rest, task, epoch: 0, nonce };
  }

  private async texts(sql: string): Promise<Rows> {
    const reader = await this.oracle.runAndReadAll(`SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (${sql})`);
    return reader.getRows().map((row) => row.map((value) => (value === null ? null : String(value).replace(/\+00$/, ''))));
  }
}

function inTaskOrder(files: ReadonlyMap<number, readonly string[]>): readonly string[] {
  return [...files].sort(([a], [b]) => a - b).flatMap(([, paths]) => paths);
}

/** Relative to the larger of two doubles, or to 1. */
const tolerance = 1e-9;

function isSame(a: string | null, b: string | null): boolean {
  // a NaN's sign says nothing
  if (a === b || (a?.replace('-nan', 'nan') === b?.replace('-nan', 'nan') && a !== null && b !== null)) return true;
  if (a === null || b === null || !/^-?[\d.]+(e[+-]?\d+)?$/i.test(a) || !/^-?[\d.]+(e[+-]?\d+)?$/i.test(b)) return false;
  // digits of whole numbers and decimals are exact, and texts of doubles too but for their last digits
  const [x, y] = [Number(a), Number(b)];
  return (a.includes('.') || a.includes('e')) && Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(x), Math.abs(y));
}

const sortKey = (row: Rows[number]): string =>
  JSON.stringify(
    row.map((text) => (text !== null && /^-?\d+\.\d/.test(text) ? Number(text).toPrecision(6) : (text?.replace('-nan', 'nan') ?? null))),
  );

/** What differs between two answers, or null. @param isOrdered whether the rows' order counts */
export function differenceOf(one: Rows, many: Rows, isOrdered: boolean): string | null {
  if (one.length !== many.length) return `${one.length} rows from one DuckDB, ${many.length} from tasks`;
  const order = (rows: Rows): Rows => (isOrdered ? rows : [...rows].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1)));
  const [left, right] = [order(one), order(many)];
  const at = left.findIndex((row, index) => !row.every((value, column) => isSame(value, right[index]?.[column] ?? null)));
  return at < 0 ? null : `row ${at}: ${JSON.stringify(left[at])} from one DuckDB, ${JSON.stringify(right[at])} from tasks`;
}
