import type { Decision } from '../core/decision.ts';
import { FanlakeError } from '../core/errors.ts';
import { decisionKey, type EpochId, foldKey, outcomeKey, type PlanId, partKey, planKey, planPageKey, stageTasksKey } from '../core/keys.ts';
import type { StoredStage } from '../core/merge-task.ts';
import type { Fold, Part } from '../core/part.ts';
import { type Plan, type PlanPage, planFormat } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { Receipt } from '../core/receipt.ts';

/** How many objects are read at once where a list of them is needed. */
const parallelReads = 16;

/** A stored JSON document, or null when there is none. */
async function readJson(store: ObjectStore, key: string): Promise<unknown> {
  const object = await store.get(key);
  if (object === null) return null;
  try {
    return JSON.parse(Buffer.from(object.body).toString('utf8'));
  } catch (cause) {
    throw new FanlakeError(
      'store.failed',
      `Reading ${store.locate(key)} found no JSON document: the file is damaged. Delete it and run the command again.`,
      {},
      cause,
    );
  }
}

/** @throws FanlakeError `plan.version` when another version of Fanlake wrote it */
export async function readPlan(work: ObjectStore, id: EpochId): Promise<Plan | null> {
  const plan = (await readJson(work, planKey(id))) as Plan | null;
  if (plan !== null && plan.format !== planFormat) {
    throw new FanlakeError(
      'plan.version',
      `Run ${id.run} was planned by another version of Fanlake (plan format ${String(plan.format)}, this one speaks ${planFormat}). ` +
        'Finish it with that version, or load its objects as another run: fanlake run <job> --input ... --again',
      // see tableOfOther
      { found: plan.format, spoken: planFormat, table: (plan as { readonly table?: { readonly key?: unknown } }).table?.key },
    );
  }
  return plan;
}

/** The same, null also for one of another version, which alone knows what to do with it. */
export async function readOwnPlan(work: ObjectStore, id: EpochId): Promise<Plan | null> {
  try {
    return await readPlan(work, id);
  } catch (thrown) {
    if (isOtherVersion(thrown)) return null;
    throw thrown;
  }
}

/** The key of the table of a plan that another version wrote; null where it doesn't say it in the same place. */
export function tableOfOther({ details }: FanlakeError): string | null {
  return typeof details['table'] === 'string' ? details['table'] : null;
}

/** Whether it was thrown over a stored document that another version of Fanlake wrote. */
export const isOtherVersion = (thrown: unknown): thrown is FanlakeError => thrown instanceof FanlakeError && thrown.code === 'plan.version';

/** Null when it is gone: the work root was emptied, or has expired. */
export const readPlanPage = async (work: ObjectStore, plan: Plan, page: number): Promise<PlanPage | null> =>
  (await readJson(work, planPageKey(plan, page))) as PlanPage | null;

export const readPart = async (work: ObjectStore, id: PlanId, stage: number, task: number): Promise<Part | null> =>
  (await readJson(work, partKey(id, stage, task))) as Part | null;

export const readFold = async (work: ObjectStore, id: PlanId, stage: number, group: number): Promise<Fold | null> =>
  (await readJson(work, foldKey(id, stage, group))) as Fold | null;

/** Null when nobody has planned the stage yet, or it is gone. */
export const readStageTasks = async (work: ObjectStore, id: PlanId, stage: number): Promise<StoredStage | null> =>
  (await readJson(work, stageTasksKey(id, stage))) as StoredStage | null;

/** A resend by its key: when it was; null when there weren't so many. */
export const readResend = async (work: ObjectStore, key: string): Promise<{ readonly atMs: number } | null> =>
  (await readJson(work, key)) as { readonly atMs: number } | null;

export const readDecision = async (lake: ObjectStore, table: string, id: EpochId): Promise<Decision | null> =>
  (await readJson(lake, decisionKey(table, id))) as Decision | null;

export const readOutcome = async (lake: ObjectStore, table: string, id: EpochId): Promise<Receipt | null> =>
  (await readJson(lake, outcomeKey(table, id))) as Receipt | null;

/** Runs `read` over all items, a few at a time, and answers in their order. */
export async function inOrder<Item, Result>(items: readonly Item[], read: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += parallelReads) {
    results.push(...(await Promise.all(items.slice(start, start + parallelReads).map(read))));
  }
  return results;
}

/** All keys below a prefix, page by page. */
export async function listAll(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  let next: string | undefined;
  do {
    const page = await store.listKeys(next === undefined ? { prefix } : { prefix, next });
    for (const key of page.keys) keys.push(key);
    next = page.next;
  } while (next !== undefined);
  return keys;
}
