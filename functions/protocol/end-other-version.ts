import type { FanlakeError } from '../core/errors.ts';
import type { EpochId } from '../core/keys.ts';
import type { RunContext } from './context.ts';
import { fulfilDuties } from './duties.ts';
import { decide } from './ledger.ts';

/**
 * Ends an epoch that another version of Fanlake has planned, for a message that was delivered as often as its queue allows: it fails with that, unless it is decided, and is
 * given its outcome. One whose commit is decided is left to the reducer.
 * @param error `plan.version`
 */
export async function endOtherVersion(
  context: RunContext,
  { run, epoch, table }: EpochId & { readonly table: string },
  error: FanlakeError,
): Promise<void> {
  await fulfilDuties(context, await decide(context, { kind: 'fail', run, epoch, table, error: error.toReport() }));
}
