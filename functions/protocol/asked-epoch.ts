import type { ErrorReport } from '../core/errors.ts';
import { askedKey, type EpochId } from '../core/keys.ts';
import type { ObjectStore } from '../core/ports.ts';

/**
 * Notes that an epoch is asked for behind one that has ended. To be called before the message is sent that asks for it: as long as that waits in its queue, this note alone
 * tells `cancel` of it.
 * @param by a command, or a conflict of an upload's files with the table: that note is written before it is sure that the upload ends so
 * @throws FanlakeError `store.*`
 */
export async function noteAsked(work: ObjectStore, { run, epoch }: EpochId, by: 'command' | 'conflict'): Promise<void> {
  await work.create(askedKey({ run, epoch }, by), JSON.stringify({ run, epoch }));
}

/**
 * Whether the epoch was asked for that follows on one which ended; it may never be planned all the same.
 * @param error with which that one ended
 */
export async function isAskedFor(work: ObjectStore, id: EpochId, error: ErrorReport | null): Promise<boolean> {
  if (error?.code === 'commit.conflict' && (await work.head(askedKey(id, 'conflict'))) !== null) return true;
  return (await work.head(askedKey(id, 'command'))) !== null;
}
