import { type PlanId, resendKey, resendsPrefix } from '../core/keys.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { Resends } from '../core/straggler.ts';
import { listAll, readResend } from './documents.ts';

/** How often tasks of a stage were sent again so far. */
export async function readResends(work: ObjectStore, id: PlanId, stage: number): Promise<Resends> {
  const count = (await listAll(work, resendsPrefix(id, stage))).length;
  const last = count === 0 ? null : await readResend(work, id, stage, count - 1);
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
export async function noteResend(work: ObjectStore, id: PlanId, stage: number, round: number, resend: Resend): Promise<boolean> {
  return (await work.create(resendKey(id, stage, round), JSON.stringify(resend))) !== null;
}
