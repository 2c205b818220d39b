import type { BatchDelivery, FailedDelivery } from './message-batch.ts';

/** Handles the deliveries of a batch side by side, each for itself: one that fails holds up no other. */
export async function eachDelivery(
  deliveries: readonly BatchDelivery[],
  handle: (delivery: BatchDelivery) => Promise<void>,
): Promise<readonly FailedDelivery[]> {
  const ended = await Promise.allSettled(deliveries.map(handle));
  return ended.flatMap((end, index) => (end.status === 'rejected' ? [{ index, error: end.reason }] : []));
}
