import { askedKey, type EpochId } from '../core/keys.ts';
import type { ObjectStore } from '../core/ports.ts';

/**
 * Notes that an epoch is asked for behind one that has ended. To be called before the message is sent that asks for it: as long as that waits in its queue, this note alone
 * tells `cancel` of it.
 * @throws FanlakeError `store.*`
 */
export async function noteAsked(work: ObjectStore, { run, epoch }: EpochId): Promise<void> {
  await work.create(askedKey({ run, epoch }), JSON.stringify({ run, epoch }));
}

/** Whether it was asked for; it may never be planned all the same. */
export const isAskedFor = async (work: ObjectStore, id: EpochId): Promise<boolean> => (await work.head(askedKey(id))) !== null;
