/** Requests by how AWS bills them; a HEAD is billed as a GET. */
export interface BilledRequests {
  readonly put: number;
  readonly list: number;
  readonly get: number;
  /** To SQS: sending (ten messages at a time), receiving and deleting a message, a sign of life. */
  readonly queue: number;
}

export const noRequests: BilledRequests = { put: 0, list: 0, get: 0, queue: 0 };

export const addBilled = (a: BilledRequests, b: BilledRequests): BilledRequests => ({
  put: a.put + b.put,
  list: a.list + b.list,
  get: a.get + b.get,
  queue: a.queue + b.queue,
});

/** What one request brings of an object that a map task reads: long enough that its first byte's wait doesn't matter, short enough that a broken one is no loss. */
export const inputRequestBytes = 16 << 20;
/** What one request brings of rows that a merge task takes. */
export const rowsRequestBytes = 4 << 20;

/** Its message is received and deleted, and it gives one sign of life. */
const queueRequestsPerTask = 3;
const messagesPerSend = 10;

/**
 * S3 requests of a map task: puts its rows (or a data file) and its part, looks at its group; its input, and its part is read once when its group is folded.
 * At least: a task that comes again, lake partitions and records across splits take more.
 * @param bytes of input
 */
export const mapTaskRequests = (bytes: number): Omit<BilledRequests, 'queue'> => ({
  put: 2,
  list: 1,
  get: Math.max(1, Math.round(bytes / inputRequestBytes)) + 1,
});

/**
 * S3 requests of a merge task: the same, and looks whether it is still wanted (decision, part, its stage's tasks) and whose rows it takes; each part is a request
 * at least.
 * @param parts whose rows it takes
 * @param groups of tasks that these are of
 * @param bytes of them
 */
export const mergeTaskRequests = (parts: number, groups: number, bytes: number): Omit<BilledRequests, 'queue'> => ({
  put: 2,
  list: 1,
  get: 3 + groups + parts * Math.max(1, Math.ceil(bytes / Math.max(1, parts) / rowsRequestBytes)) + 1,
});

/** What each of a stage's groups takes besides its tasks: its fold, and a look at all folds by whoever has the last part of a group. */
export const groupRequests = { put: 1, list: 1, get: 0 } as const;

/** What it takes to begin the stage behind one that has so many groups: a look whether it has begun, the folds, its tasks. */
export const nextStageRequests = (groups: number) => ({ put: 1, list: 0, get: 1 + groups }) as const;

/** What the reducer reads of a merge stage of so many groups: its tasks and its folds. */
export const judgedStageRequests = (groups: number) => ({ put: 0, list: 0, get: 1 + groups }) as const;

/** What a run takes whatever it has of tasks, its map stage's one group apart: docs/cost.md has the list. */
export const runRequests: BilledRequests = { put: 7, list: 4, get: 8, queue: 10 };

/** SQS requests of so many tasks. */
export const taskMessages = (tasks: number): number => queueRequestsPerTask * tasks + Math.ceil(tasks / messagesPerSend);
