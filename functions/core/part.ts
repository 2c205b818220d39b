import type { ChainLink, TaskLink } from './chain.ts';
import type { DataFile } from './data-file.ts';
import type { ErrorReport } from './errors.ts';
import { addIgnored, type Ignored, nothingIgnored } from './ignored-keys.ts';

/** `read = filtered + quarantined + passed`; `written` is rows in the table's files. */
export interface RowCounts {
  readonly read: number;
  readonly filtered: number;
  readonly quarantined: number;
  readonly passed: number;
  readonly written: number;
}

export const noRows: RowCounts = { read: 0, filtered: 0, quarantined: 0, passed: 0, written: 0 };

export function addRows(a: RowCounts, b: RowCounts): RowCounts {
  return {
    read: a.read + b.read,
    filtered: a.filtered + b.filtered,
    quarantined: a.quarantined + b.quarantined,
    passed: a.passed + b.passed,
    written: a.written + b.written,
  };
}

/** Requests by kind, such as `store.get`. */
export type RequestCounts = Readonly<Record<string, number>>;

export function addRequests(a: RequestCounts, b: RequestCounts): RequestCounts {
  const sum: Record<string, number> = { ...a };
  for (const [kind, count] of Object.entries(b)) sum[kind] = (sum[kind] ?? 0) + count;
  return sum;
}

/** What came between two counts of one process. */
export function subtractRequests(after: RequestCounts, before: RequestCounts): RequestCounts {
  const difference: Record<string, number> = {};
  for (const [kind, count] of Object.entries(after)) {
    const taken = count - (before[kind] ?? 0);
    if (taken > 0) difference[kind] = taken;
  }
  return difference;
}

/** How the bytes of the task's objects were proven: some compressed formats carry no checksum. */
export type Checksum = 'none' | 'verified' | 'unchecked';

/** The one object that a task writes; its existence is the proof that the task is done or has failed for good. */
export type Part = DonePart | FailedPart;

interface PartBase {
  readonly format: 1;
  readonly task: number;
  /** Of the attempt that wrote it. */
  readonly nonce: string;
  /** How often its message had been received, so at least that many attempts. */
  readonly attempts: number;
  readonly seconds: number;
  /** When the attempt began, in milliseconds since 1970 UTC. Left away where there was none, and by older versions. */
  readonly beganMs?: number;
  /** Requests to the store until the part was written, by kind. */
  readonly requests: RequestCounts;
}

/**
 * Rows that a task hands on to the next stage: one Parquet object in the work root, in the order of the rows' buckets (or where tasks share an order, in that), so
 * that a range of buckets is a range of its bytes.
 */
export interface PartOutput {
  /** Of the attempt that wrote it; part of the object's key (`rowsKey`). */
  readonly nonce: string;
  readonly rows: number;
  readonly bytes: number;
  /** Of each row group: its first and last bucket, its rows, and the half-open range of its bytes. */
  readonly groups: readonly (readonly [firstBucket: number, lastBucket: number, rows: number, start: number, end: number])[];
  /** Of rows in an order that tasks share: the beginnings of the sort keys (hexadecimal) of some rows, from the first to the last at even distances. */
  readonly samples?: readonly string[];
}

export interface DonePart extends PartBase {
  readonly kind: 'done';
  readonly rows: RowCounts;
  readonly bytesCovered: number;
  readonly chain: readonly ChainLink[];
  readonly files: readonly DataFile[];
  /** Keys in the lake root of quarantined rows. */
  readonly quarantine: readonly string[];
  readonly checksum: Checksum;
  /** Left away when nothing was. */
  readonly ignored?: Ignored;
  /** Of a stage that isn't the last. Without a row there is no object, and `rows` is 0. */
  readonly output?: PartOutput;
  /** Of a merge task: rows of the stage before that it took. */
  readonly consumed?: number;
}

export interface FailedPart extends PartBase {
  readonly kind: 'failed';
  readonly error: ErrorReport;
  /** What is known of its splits' places; empty when it didn't get so far. */
  readonly chain: readonly ChainLink[];
  /** The splits whose rows are missing. */
  readonly missing: readonly { readonly key: string; readonly start: number; readonly end: number }[];
  /** Keys in the lake root of the first bad rows, when they are why it failed. */
  readonly quarantine: readonly string[];
}

/** A data file together with the task that wrote it. */
export interface FoldedFile extends DataFile {
  readonly task: number;
}

/** The rows that a task hands on, together with the task. */
export interface FoldedOutput extends PartOutput {
  readonly task: number;
}

export interface FailedTask {
  readonly task: number;
  /** Whether its splits' links are in the fold's chain all the same. */
  readonly linked: boolean;
  readonly error: ErrorReport;
  readonly missing: FailedPart['missing'];
}

/** The deterministic sum of some tasks' parts: two workers that fold the same parts write the same bytes. */
export interface Fold {
  readonly format: 1;
  readonly done: number;
  readonly failed: readonly FailedTask[];
  readonly attempts: number;
  readonly rows: RowCounts;
  readonly bytesCovered: number;
  readonly chain: readonly TaskLink[];
  readonly files: readonly FoldedFile[];
  readonly quarantine: readonly string[];
  readonly unchecked: number;
  readonly ignored: Ignored;
  readonly requests: RequestCounts;
  /** What its tasks hand on, of a stage that isn't the last: in the order of the tasks. */
  readonly outputs: readonly FoldedOutput[];
  /** Of a merge stage: rows of the stage before that its tasks took. */
  readonly consumed: number;
}

export const emptyFold: Fold = {
  format: 1,
  done: 0,
  failed: [],
  attempts: 0,
  rows: noRows,
  bytesCovered: 0,
  chain: [],
  files: [],
  quarantine: [],
  unchecked: 0,
  ignored: nothingIgnored,
  requests: {},
  outputs: [],
  consumed: 0,
};

/** The fold of parts, given in the order of their tasks. */
export function foldParts(parts: Iterable<Part>): Fold {
  let [done, attempts, bytesCovered, unchecked, consumed, rows] = [0, 0, 0, 0, 0, noRows];
  const failed: FailedTask[] = [];
  const chain: TaskLink[] = [];
  const files: FoldedFile[] = [];
  const quarantine: string[] = [];
  const ignored: Ignored[] = [];
  const outputs: FoldedOutput[] = [];
  let requests: RequestCounts = {};
  for (const part of parts) {
    attempts += part.attempts;
    requests = addRequests(requests, part.requests);
    for (const link of part.chain) chain.push({ ...link, task: part.task });
    if (part.kind === 'failed') {
      failed.push({ task: part.task, linked: part.chain.length > 0, error: part.error, missing: part.missing });
      quarantine.push(...part.quarantine);
      continue;
    }
    done += 1;
    rows = addRows(rows, part.rows);
    bytesCovered += part.bytesCovered;
    for (const file of part.files) files.push({ ...file, task: part.task });
    quarantine.push(...part.quarantine);
    if (part.checksum === 'unchecked') unchecked += 1;
    if (part.ignored !== undefined) ignored.push(part.ignored);
    if (part.output !== undefined) outputs.push({ ...part.output, task: part.task });
    consumed += part.consumed ?? 0;
  }
  return {
    format: 1,
    done,
    failed,
    attempts,
    rows,
    bytesCovered,
    chain,
    files,
    quarantine,
    unchecked,
    ignored: addIgnored(ignored),
    requests,
    outputs,
    consumed,
  };
}

/** Several folds as one. Outputs of several stages or epochs are told apart no more: take those of each fold. */
export function addFolds(folds: Iterable<Fold>): Fold {
  let sum = emptyFold;
  const [failed, chain, files, quarantine]: [FailedTask[], TaskLink[], FoldedFile[], string[]] = [[], [], [], []];
  const outputs: FoldedOutput[] = [];
  for (const fold of folds) {
    sum = {
      ...sum,
      done: sum.done + fold.done,
      attempts: sum.attempts + fold.attempts,
      rows: addRows(sum.rows, fold.rows),
      bytesCovered: sum.bytesCovered + fold.bytesCovered,
      unchecked: sum.unchecked + fold.unchecked,
      // a fold of an older version has none
      ignored: addIgnored([sum.ignored, fold.ignored ?? nothingIgnored]),
      requests: addRequests(sum.requests, fold.requests),
      consumed: sum.consumed + (fold.consumed ?? 0),
    };
    // not by spreading: a run may have 100,000 files
    for (const entry of fold.failed) failed.push(entry);
    for (const entry of fold.chain) chain.push(entry);
    for (const entry of fold.files) files.push(entry);
    for (const entry of fold.quarantine) quarantine.push(entry);
    for (const entry of fold.outputs ?? []) outputs.push(entry);
  }
  return { ...sum, failed, chain, files, quarantine, outputs };
}
