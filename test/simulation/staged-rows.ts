/** How the simulated engine hands rows from stage to stage, and merges them: a row is a line. */
import { createHash } from 'node:crypto';
import { FanlakeError } from '../../functions/core/errors.ts';
import type { MergeTask, SortBounds, StageTasks } from '../../functions/core/merge-task.ts';
import { type Plan, stagesOf } from '../../functions/core/plan.ts';
import type { ObjectStore } from '../../functions/core/ports.ts';
import { sampleCount, sampledRow } from '../../functions/core/sort-samples.ts';
import { buckets, type MergeStep } from '../../functions/core/staged-query.ts';
import type { Attempt, ComputedMerge, ComputedOutput, MergeInput } from '../../functions/worker/computed-task.ts';
import type { Caller } from './calls.ts';
import { countRow, queryKind } from './queries.ts';
import type { Disk } from './simulated-ports.ts';

type Row = readonly [bucket: number, line: string];

const rowsPerGroup = 2;

/** @param deal which bytes of the hash tell it: 1 for rows that are dealt again */
const bucketOf = (line: string, { keys }: MergeStep, deal: 0 | 1): number =>
  keys.length === 0 ? 0 : createHash('md5').update(line).digest().readUInt8(deal) % buckets;

const sortKey = (line: string): string => Buffer.from(line).toString('hex').toUpperCase();

const isBetween = (line: string, [from, to]: SortBounds): boolean =>
  (from === null || sortKey(line) >= from) && (to === null || sortKey(line) < to);

/** Lines as rows for a step, on the machine's disk. */
function handOn(disk: Disk, path: string, lines: readonly string[], step: MergeStep, deal: 0 | 1 = 0): ComputedOutput {
  const isShared = step.order?.isShared === true;
  const inOrder = isShared ? [...lines].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1)) : lines;
  const rows = inOrder.map((line): Row => [bucketOf(line, step, deal), line]).sort(([a], [b]) => a - b);
  const groups: (readonly [number, number, number, number, number])[] = [];
  let end = 0;
  for (let at = 0; at < rows.length; at += rowsPerGroup) {
    const group = rows.slice(at, at + rowsPerGroup);
    const start = end;
    for (const [, line] of group) end += line.length;
    groups.push([group[0]?.[0] ?? 0, group.at(-1)?.[0] ?? 0, group.length, start, end]);
  }
  if (rows.length > 0) disk.set(path, Buffer.from(JSON.stringify(rows)));
  const output = { path: rows.length === 0 ? null : path, rows: rows.length, bytes: end, groups };
  return isShared && rows.length > 0 ? { ...output, samples: samplesOf(output, inOrder) } : output;
}

function samplesOf(output: ComputedOutput, lines: readonly string[]): readonly string[] {
  const count = sampleCount(output);
  return Array.from({ length: count }, (_, sample) => sortKey(lines[sampledRow(sample, count, lines.length)] ?? ''));
}

const distinct = (lines: readonly string[]): readonly string[] => [...new Set(lines)];

function stepOf(plan: Plan, index: number): MergeStep {
  const step = stagesOf(plan)?.steps[index];
  if (step === undefined) throw new Error(`no step ${index} in the plan of ${plan.run}`);
  return step;
}

/** What a map task hands on of its lines. */
export function mapOutput(plan: Plan, disk: Disk, path: string, lines: readonly string[]): ComputedOutput {
  return handOn(disk, path, queryKind(plan.query.sql) === 'count' ? lines : distinct(lines), stepOf(plan, 0));
}

/** The query's answer over lines that are all there. */
export function answerAtOnce(plan: Plan, lines: readonly string[]): readonly string[] {
  const kind = queryKind(plan.query.sql);
  if (kind === 'lines') return lines;
  return kind === 'count' ? [countRow(plan.run, lines.length)] : distinct(lines);
}

interface MergeTools {
  readonly work: ObjectStore;
  readonly caller: Caller;
  readonly disk: Disk;
}

/** A merge task. */
export async function merge(
  { work, caller, disk }: MergeTools,
  plan: Plan,
  { step, kind, last }: StageTasks,
  { task, buckets: [from, to], bounds = [null, null] }: MergeTask,
  inputs: readonly MergeInput[],
  { folder }: Attempt,
): Promise<ComputedMerge> {
  const taken: string[] = [];
  for (const { key } of inputs) {
    const object = await work.get(key);
    if (object === null) throw new FanlakeError('input.gone', `${key} is gone`);
    const rows = JSON.parse(Buffer.from(object.body).toString()) as readonly Row[];
    for (const [bucket, line] of rows) if (from <= bucket && bucket < to && isBetween(line, bounds)) taken.push(line);
  }
  await caller.call({ kind: 'compute', task });
  const isCount = queryKind(plan.query.sql) === 'count';
  const path = `${folder}/rows`;
  if (!last) {
    const behind = stepOf(plan, kind === 'merge' ? step + 1 : step);
    const output = handOn(disk, path, isCount ? taken : distinct(taken), behind, kind === 'deal' ? 1 : 0);
    return { consumed: taken.length, written: 0, files: [], output };
  }
  const rows = isCount ? [countRow(plan.run, taken.length)] : distinct(taken);
  if (rows.length === 0) return { consumed: taken.length, written: 0, files: [], output: null };
  const body = Buffer.from(JSON.stringify(rows));
  disk.set(path, body);
  const files = [{ path, rows: rows.length, sizeBytes: body.length, statistics: {}, partition: [] }];
  return { consumed: taken.length, written: rows.length, files, output: null };
}
