/**
 * Every key that Fanlake writes, built and parsed here and nowhere else. Numbers have leading zeros, so that key order is number order.
 * In the work root everything expires; in the lake root nothing does but answers.
 */

/** Most tasks of a group, so that one page of a listing holds all of its parts. */
export const tasksPerGroup = 1_000;

/** One try at a whole run. */
export interface EpochId {
  readonly run: string;
  readonly epoch: number;
}

/**
 * One plan of an epoch. Parts lie under its nonce: should the plan be lost (a deleted work folder) while tasks are at work, then what they still write is
 * never taken for the parts of the next plan, which may cut the input or treat the rows in another way.
 */
export interface PlanId extends EpochId {
  readonly nonce: string;
}

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0');

export const groupOf = (task: number): number => Math.floor(task / tasksPerGroup);

/** Tasks of a group, when the stage has `tasks` of them. */
export const groupSize = (group: number, tasks: number): number => Math.min(tasksPerGroup, tasks - group * tasksPerGroup);

export const groupCount = (tasks: number): number => Math.ceil(tasks / tasksPerGroup);

/** The groups that half-open ranges of tasks are in, each once. */
export function groupsIn(ranges: readonly (readonly [number, number])[]): readonly number[] {
  const groups = new Set<number>();
  for (const [start, end] of ranges) for (let group = groupOf(start); group * tasksPerGroup < end; group++) groups.add(group);
  return [...groups].sort((a, b) => a - b);
}

const epochRoot = ({ run, epoch }: EpochId): string => `runs/${run}/e${epoch}`;

// --- work root

export const runsPrefix = 'runs/';
/**
 * In the lake root of a stack: tables whose rows are a question's answer. They expire, with their ledgers, after the work root's documents have: whoever finds a plan
 * finds what became of it.
 */
export const answersPrefix = '_answers/';
export const runPrefix = (run: string): string => `${runsPrefix}${run}/`;
/** Is there once it was told how an epoch ended that put nothing into its table. */
export const announcedKey = (id: EpochId): string => `${epochRoot(id)}/announced`;
export const planKey = (id: EpochId): string => `${epochRoot(id)}/plan.json`;
export const planPagesPrefix = (id: PlanId): string => `${epochRoot(id)}/plan/${id.nonce}/`;
export const planPageKey = (id: PlanId, page: number): string => `${planPagesPrefix(id)}${pad(page, 4)}.json`;
const stageRoot = (id: PlanId, stage: number): string => `${epochRoot(id)}/parts/${id.nonce}/s${stage}`;
export const partsPrefix = (id: PlanId, stage: number, group: number): string => `${stageRoot(id, stage)}/${pad(group, 4)}/`;
export const partKey = (id: PlanId, stage: number, task: number): string => `${partsPrefix(id, stage, groupOf(task))}${pad(task, 7)}`;
export const foldsPrefix = (id: PlanId, stage: number): string => `${stageRoot(id, stage)}/groups/`;
export const foldKey = (id: PlanId, stage: number, group: number): string => `${foldsPrefix(id, stage)}${pad(group, 4)}`;

/** What a monitor sends again: a stage's tasks, or the message that hands the epoch to the reducer. */
export type Resent = 'tasks' | 'commits';

/** Below it a note of each time that it was sent again. */
export const resendsPrefix = (id: PlanId, stage: number, what: Resent): string =>
  `${stageRoot(id, stage)}/${what === 'tasks' ? 'resent' : 'resent-commits'}/`;
export const resendKey = (id: PlanId, stage: number, what: Resent, round: number): string =>
  `${resendsPrefix(id, stage, what)}${pad(round, 2)}`;

/** The tasks of a merge stage. */
export const stageTasksKey = (id: PlanId, stage: number): string => `${stageRoot(id, stage)}/tasks.json`;

/** A note that all tasks of a merge stage that a monitor has begun were sent. */
export const stageSentKey = (id: PlanId, stage: number): string => `${stageRoot(id, stage)}/sent`;

/** Below it the rows that tasks of a group hand on to the next stage. */
export const rowsPrefix = (id: PlanId, stage: number, group: number): string => `${stageRoot(id, stage)}/rows/${pad(group, 4)}/`;

/** Those of an attempt. */
export const rowsKey = (id: PlanId, stage: number, task: number, nonce: string): string =>
  `${rowsPrefix(id, stage, groupOf(task))}${pad(task, 7)}-${nonce}.parquet`;

/** Whether a key is that of rows that a stage handed on. */
export const isRowsKey = (key: string): boolean => /^runs\/[^/]+\/e\d+\/parts\/[^/]+\/s\d+\/rows\/\d+\/[^/]+\.parquet$/.test(key);

/** The task's number in a part's key. */
export const taskOfPartKey = (key: string): number => Number(key.slice(key.lastIndexOf('/') + 1));

export const groupOfFoldKey = taskOfPartKey;

/** Below it a note of each version of a landed object that became a run: `hash` is the key's. */
export const landedPrefix = (job: string, hash: string): string => `landed/${job}/${hash}/`;
export const landedKey = (job: string, hash: string, run: string): string => `${landedPrefix(job, hash)}${run}.json`;

export const allLandedPrefix = 'landed/';
export const runOfLandedKey = (key: string): string => key.slice(key.lastIndexOf('/') + 1, -'.json'.length);

/** What a command asks for: the list of a run's objects and its job. `hash` is its content's. */
export const requestKey = (run: string, hash: string): string => `requests/${run}/${hash}.json`;

/** A note that an epoch is asked for behind one that has ended: by a command, or for an upload whose files didn't fit the table. */
export const askedKey = ({ run, epoch }: EpochId, by: 'command' | 'conflict'): string =>
  `requests/${run}/e${epoch}${by === 'conflict' ? '-conflict' : ''}`;

export const requestsPrefix = 'requests/';
export const runOfRequestKey = (key: string): string => key.slice(requestsPrefix.length, key.indexOf('/', requestsPrefix.length));

export const recentPrefix = 'recent/';

/** `recent/2026-11-22/143015123-<run>`, sorted by time within a day. */
export function recentKey(run: string, startedMs: number): string {
  const iso = new Date(startedMs).toISOString();
  return `${recentPrefix}${iso.slice(0, 10)}/${iso.slice(11, 23).replaceAll(/[:.]/g, '')}-${run}`;
}

export function runOfRecentKey(key: string): string {
  return key.slice(key.indexOf('-', key.lastIndexOf('/')) + 1);
}

// --- lake root

export const ledgerPrefix = (table: string): string => `${table}/_fanlake/`;
export const ledgerRunPrefix = (table: string, run: string): string => `${ledgerPrefix(table)}${run}/`;
export const decisionKey = (table: string, { run, epoch }: EpochId): string => `${ledgerRunPrefix(table, run)}e${epoch}/decision.json`;
export const outcomeKey = (table: string, { run, epoch }: EpochId): string => `${ledgerRunPrefix(table, run)}e${epoch}/outcome.json`;
export const logPrefix = (table: string): string => `${table}/_delta_log/`;

/** Below the table: the folder of a Hive table's data files until the decision. */
export const pendingFolder = ({ run, epoch }: EpochId): string => `_fanlake/${run}/e${epoch}/files/`;

/** The pending folder that a file's path begins with: of its own epoch, which a later one may have taken it over from. */
export const pendingFolderOf = (path: string): string => /^_fanlake\/[^/]+\/e\d+\/files\//.exec(path)?.[0] ?? '';

/** The lists of a Hive table's committed files, one object a run. */
export const manifestPrefix = (table: string): string => `${ledgerPrefix(table)}_manifest/`;

export const quarantineRunPrefix = (job: string, { run, epoch }: EpochId): string => `quarantine/${job}/${run}/e${epoch}/`;
export const quarantineKey = (job: string, id: EpochId, task: number, nonce: string): string =>
  `${quarantineRunPrefix(job, id)}${pad(task, 7)}-${nonce}.parquet`;

/** Where the path of a table outside the lake root is remembered by the table's name. */
export const tablePathKey = (name: string): string => `_tables/${name}.json`;
export const tablePathsPrefix = '_tables/';

/** Folders of the lake root that are no tables though their names could be. */
export const lakeFolders: ReadonlySet<string> = new Set(['_tables', '_answers', 'quarantine']);

/** What a ledger key is of, or null for any other key. */
export function parseLedgerKey(key: string): (EpochId & { readonly kind: 'decision' | 'outcome' }) | null {
  const found = /\/_fanlake\/([^/]+)\/e(\d+)\/(decision|outcome)\.json$/.exec(key);
  if (found === null) return null;
  return { run: found[1] ?? '', epoch: Number(found[2]), kind: found[3] === 'decision' ? 'decision' : 'outcome' };
}

/** A data file's name: unlike any other attempt's, and it tells who wrote it. */
export const dataFileName = ({ run, epoch }: EpochId, task: number, nonce: string, index: number): string =>
  `${run}-e${epoch}-${pad(task, 7)}-${nonce}-${index}.parquet`;

/** A data file as an attempt stored it, told by its key alone. */
export interface DataFileKey extends EpochId {
  /** Its name as `dataFileMarksIn` finds it in a log. */
  readonly mark: string;
  /** It waits below the ledger for the decision, as those of a Hive table do. */
  readonly pending: boolean;
}

const dataFilePattern = /^([a-z0-9-]+-[0-9a-f]{20})-e(\d+)-\d{7}-[0-9a-f]{12}-\d+\.parquet$/;

/**
 * The marks of all data files that a text names, such as a log entry: a name from the run's hash on, which tells it from any other. No way of encoding a path
 * changes it, and nothing in front of it can be taken for a part of it.
 */
export const dataFileMarksIn = (text: string): readonly string[] => text.match(/[0-9a-f]{20}-e\d+-\d{7}-[0-9a-f]{12}-\d+\.parquet/g) ?? [];

/**
 * What a key below a table is of, or null for all that no attempt of ours stored at that place: other names, and folders that are neither lake partitions
 * nor an epoch's pending files.
 */
export function parseDataFileKey(table: string, key: string): DataFileKey | null {
  const folders = key.slice(table.length + 1).split('/');
  const name = folders.pop() ?? '';
  const [, run, epoch] = dataFilePattern.exec(name) ?? [];
  const [mark] = dataFileMarksIn(name);
  if (run === undefined || epoch === undefined || mark === undefined || !key.startsWith(`${table}/`)) return null;
  const id = { run, epoch: Number(epoch) };
  const pending = key.startsWith(`${table}/${pendingFolder(id)}`);
  const partitions = pending ? folders.slice(pendingFolder(id).split('/').length - 1) : folders;
  return partitions.every((folder) => folder.indexOf('=') > 0) ? { ...id, mark, pending } : null;
}

/** With this the names of an epoch's files in a Hive table begin. */
export const committedFilesOf = ({ run, epoch }: EpochId): string => `${run}-e${epoch}-`;

/** A Hive table's file name is fixed by run, task and number, so that copying it again changes nothing. */
export const committedFileName = (id: EpochId, task: number, index: number): string =>
  `${committedFilesOf(id)}${pad(task, 7)}-${index}.parquet`;
