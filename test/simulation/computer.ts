import type { ChainLink } from '../../functions/core/chain.ts';
import { FanlakeError } from '../../functions/core/errors.ts';
import type { BadRecord } from '../../functions/core/piece.ts';
import type { Plan } from '../../functions/core/plan.ts';
import type { ObjectStore } from '../../functions/core/ports.ts';
import type { Split, Task } from '../../functions/core/task.ts';
import type { Attempt, ComputedTask, TaskComputer } from '../../functions/worker/computed-task.ts';
import { TaskError } from '../../functions/worker/task-error.ts';
import type { Caller } from './calls.ts';
import { type Lines, linesOf } from './lines.ts';
import type { Disk } from './simulated-ports.ts';
import { answerAtOnce, mapOutput, merge } from './staged-rows.ts';

/** Lines that begin so can't be taken. */
export const badMark = 'x';

interface Tools {
  readonly landing: ObjectStore;
  readonly work: ObjectStore;
  readonly caller: Caller;
  readonly disk: Disk;
  /** Whether a worker that must guess where its split's first record starts guesses wrong, and whether it knows another place. */
  readonly guess: (key: string, start: number) => 'right' | 'wrong' | 'lost';
}

/** Stands in for formats and engine: a row is a line of text, and a data file the list of its lines. */
export function simulatedComputer(tools: Tools): TaskComputer {
  return {
    open: async () => {},
    close: async ({ folder }) => {
      for (const path of tools.disk.keys()) if (path.startsWith(`${folder}/`)) tools.disk.delete(path);
    },
    compute: (plan, task, attempt) => compute(tools, plan, task, attempt),
    computeMerge: (plan, stage, task, inputs, attempt) => merge(tools, plan, stage, task, inputs, attempt),
    writeQuarantine: async (records, path) => {
      tools.disk.set(path, Buffer.from(JSON.stringify(records.map(({ raw }) => raw))));
    },
  };
}

async function compute(tools: Tools, plan: Plan, task: Task, attempt: Attempt): Promise<ComputedTask> {
  const chain: ChainLink[] = [];
  const rows: string[] = [];
  const bad: BadRecord[] = [];
  let bytesCovered = 0;
  for (const split of task.splits) {
    const { link, lines } = await readSplit(tools, plan, split, attempt);
    chain.push(link);
    bytesCovered += split.end - split.start;
    for (const { start, text } of lines) {
      if (!text.startsWith(badMark)) rows.push(text);
      else bad.push({ objectKey: split.object.key, offset: start, lengthBytes: text.length, column: 'line', reason: 'bad', raw: text });
    }
  }
  await tools.caller.call({ kind: 'compute', task: task.task });
  if (bad.length > plan.job.limits.maxBadRows) {
    throw new TaskError(new FanlakeError('rows.bad', `${bad.length} rows can't be taken`), chain, bad);
  }
  const path = `${attempt.folder}/rows`;
  const [passed, quarantined] = [rows.length, bad.length];
  const counts = { read: passed + quarantined, filtered: 0, quarantined, passed };
  const computed = { bytesCovered, chain, bad, checksum: 'none' } as const;
  if (plan.staged === true) {
    return { ...computed, rows: { ...counts, written: 0 }, files: [], output: mapOutput(plan, tools.disk, path, rows) };
  }
  const answer = answerAtOnce(plan, rows);
  const body = Buffer.from(JSON.stringify(answer));
  tools.disk.set(path, body);
  const files = answer.length === 0 ? [] : [{ path, rows: answer.length, sizeBytes: body.length, statistics: {}, partition: [] }];
  return { ...computed, rows: { ...counts, written: answer.length }, files };
}

async function readSplit(tools: Tools, plan: Plan, split: Split, attempt: Attempt): Promise<{ link: ChainLink; lines: Lines }> {
  const { object, start, end } = split;
  const layout = plan.layouts[split.layout];
  const dataStart = layout === undefined || layout.format === 'parquet' ? 0 : layout.dataStart;
  // one byte in front tells whether a line starts at the split's start
  const origin = Math.max(0, start - 1);
  const staged = await tools.landing.stage(object, { start: origin, end: object.size }, attempt.folder);
  const all = linesOf(tools.disk.get(staged.path)?.toString() ?? '', origin).filter((line) => origin === 0 || line.start > origin);
  await staged.release();
  const owned = all.filter((line) => line.start >= start && line.start < end);
  const right = regionOf(owned);
  const base = { key: object.key, size: object.size, dataStart, start, end };
  if (split.from !== undefined) {
    const { from } = split;
    const lines = all.filter((line) => line.start >= from && line.start < end);
    return { link: { ...base, ...regionOf(lines), alternative: null }, lines };
  }
  // the first split knows where it starts
  if (start <= dataStart) return { link: { ...base, ...right, alternative: null }, lines: owned };
  const guess = owned.length > 1 ? tools.guess(object.key, start) : 'right';
  const wrongly = owned.slice(1);
  if (guess === 'right') return { link: { ...base, ...right, alternative: regionOf(wrongly) }, lines: owned };
  return { link: { ...base, ...regionOf(wrongly), alternative: guess === 'wrong' ? right : { from: null, to: null } }, lines: wrongly };
}

function regionOf(lines: Lines): { readonly from: number | null; readonly to: number | null } {
  return { from: lines[0]?.start ?? null, to: lines.at(-1)?.end ?? null };
}
