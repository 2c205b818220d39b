import { type PlanId, type Resent, resendKey, resendsPrefix } from '../core/keys.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { Resends } from '../core/straggler.ts';
import { listAll, readResend } from './documents.ts';

/** How often tasks of a stage, or an epoch's message to the reducer, were sent again so far. */
export async function readResends(work: ObjectStore, id: PlanId, stage: number, what: Resent): Promise<Resends> {
  const count = (await listAll(work, resendsPrefix(id, stage, what))).length;
  const last = count === 0 ? null : await readResend(work, resendKey(id, stage, what, count - 1));
  return { count, lastMs: last?.atMs ?? null };
}

/** What is noted of a time that something was sent again. */
export interface Resend {
  readonly atMs: number;
  /** How many tasks; 0 for a commit. */
  readonly tasks: number;
}

/**
 * Notes that something is sent again.
 * @param round 0 the first time
 * @returns false when another monitor did so
 */
export async function noteResend(
  work: ObjectStore,
  id: PlanId,
  stage: number,
  what: Resent,
  round: number,
  resend: Resend,
): Promise<boolean> {
  return (await work.create(resendKey(id, stage, what, round), JSON.stringify(resend))) !== null;
}
