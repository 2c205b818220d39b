import { type PlanId, resendKey, resendsPrefix } from '../core/keys.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { Resends } from '../core/straggler.ts';
import { listAll, readResend } from './documents.ts';

const mapStage = 0;

/** How often an epoch's tasks were sent again so far. */
export async function readResends(work: ObjectStore, id: PlanId): Promise<Resends> {
  const count = (await listAll(work, resendsPrefix(id, mapStage))).length;
  const last = count === 0 ? null : await readResend(work, id, mapStage, count - 1);
  return { count, lastMs: last?.atMs ?? null };
}

/** What is noted of a time that tasks were sent again. */
export interface Resend {
  readonly atMs: number;
  readonly tasks: number;
}

/**
 * Notes that tasks are about to be sent again.
 * @param round 0 the first time
 * @returns false when another monitor did so
 */
export async function noteResend(work: ObjectStore, id: PlanId, round: number, resend: Resend): Promise<boolean> {
  return (await work.create(resendKey(id, mapStage, round), JSON.stringify(resend))) !== null;
}
