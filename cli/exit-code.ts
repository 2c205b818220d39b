import type { ErrorCode } from '../functions/core/errors.ts';
import type { Receipt } from '../functions/core/receipt.ts';

/** How a command ends: a promise to scripts (docs, and every command's help). */
export const exitCodes = { ok: 0, failed: 1, wrong: 2, partial: 3, cancelled: 4, interrupted: 130 } as const;

const outcomeCodes = {
  COMMITTED: exitCodes.ok,
  ALREADY_COMMITTED: exitCodes.ok,
  PARTIAL: exitCodes.partial,
  FAILED: exitCodes.failed,
  CANCELLED: exitCodes.cancelled,
} as const;

/** What a run's command ends with, by its outcome; a run that hasn't ended is none of them. */
export function exitCodeOfReceipt({ outcome }: Receipt): number {
  return outcome === null ? exitCodes.failed : outcomeCodes[outcome];
}

/** Groups of codes that mean: the command or the job has to be changed, and nothing was planned. */
const wrongGroups = ['job', 'plan', 'query', 'table', 'stack'];
const wrongCodes: readonly ErrorCode[] = ['usage', 'not-built', 'run.unknown', 'run.ambiguous', 'input.none'];

/** What a command ends with when it threw before there was a receipt. */
export function exitCodeOfError(code: ErrorCode): number {
  const group = code.split('.')[0] ?? '';
  return wrongCodes.includes(code) || wrongGroups.includes(group) ? exitCodes.wrong : exitCodes.failed;
}
