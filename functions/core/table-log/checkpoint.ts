import type { Action, MetaData } from './actions.ts';
import type { Snapshot } from './snapshot.ts';
import { parseInterval, unsupportedFeatures } from './writable.ts';

/** A checkpoint is due at each version that is a multiple of it, when the table doesn't say otherwise (delta.checkpointInterval). */
const defaultInterval = 10;

/** How long the tombstones of removed files are kept, when the table doesn't say otherwise (delta.deletedFileRetentionDuration). */
const defaultRetention = 'interval 7 days';

/** An action that a checkpoint holds; there are others in the log, which it leaves out. */
export type CheckpointAction = Exclude<Action, { readonly commitInfo: unknown } | { readonly other: unknown }>;

/** Whether a table is to have a checkpoint of this version. Version 0 has none: it is one entry. */
export function isCheckpointDue(version: number, metaData: MetaData | null): boolean {
  if (version <= 0) return false;
  const asked = Number(metaData?.configuration['delta.checkpointInterval'] ?? defaultInterval);
  const interval = Number.isSafeInteger(asked) && asked > 0 ? asked : defaultInterval;
  return version % interval === 0;
}

/** Actions that a checkpoint may have for each interval between two: a large one takes a minute and more, and is worth it only after many commits. */
const actionsForInterval = 50_000;

/**
 * Whether a checkpoint of this version comes too soon after one that was so large; never where the table itself names the interval.
 * @param before the newest checkpoint
 */
export function isTooSoon(version: number, before: Pick<LastCheckpoint, 'version' | 'size'>, metaData: MetaData | null): boolean {
  if (metaData?.configuration['delta.checkpointInterval'] !== undefined) return false;
  return version > before.version && version - before.version < defaultInterval * Math.floor(before.size / actionsForInterval);
}

/** Why we can't write the checkpoint that this table asks for, or null. */
export function checkpointRefusal({ protocol, metaData, files }: Snapshot): string | null {
  if (protocol === null || metaData === null || files === null) return 'the log has no protocol or no metadata';
  const features = unsupportedFeatures(protocol, metaData, 'append');
  if (features.length > 0) return `the table has ${features.join('; ')}`;
  for (const property of ['delta.checkpoint.writeStatsAsStruct', 'delta.checkpoint.writeStatsAsJson']) {
    const wanted = property.endsWith('Json') ? 'true' : 'false';
    const found = metaData.configuration[property];
    if (found !== undefined && found !== wanted) return `the table has ${property} = ${found}`;
  }
  return null;
}

/**
 * What a checkpoint of the snapshot holds (Delta protocol, "Checkpoints"): protocol, metadata, the transactions of every application, the live files
 * and the tombstones that haven't expired. Files and tombstones change no data there, whatever their entries said.
 * @param snapshot one that keeps files
 */
export function* checkpointActions(snapshot: Snapshot, nowMs: number): Generator<CheckpointAction> {
  const { protocol, metaData } = snapshot;
  if (protocol !== null) yield { protocol };
  if (metaData !== null) yield { metaData };
  for (const txn of snapshot.transactions.values()) yield { txn };
  for (const file of snapshot.files?.values() ?? []) yield { add: { ...file, dataChange: false } };
  const asked = metaData?.configuration['delta.deletedFileRetentionDuration'] ?? defaultRetention;
  // one that can't be read keeps them all
  const keptSinceMs = nowMs - (parseInterval(asked) ?? nowMs);
  for (const file of snapshot.removed?.values() ?? []) {
    if ((file.deletionTimestamp ?? 0) > keptSinceMs) yield { remove: { ...file, dataChange: false } };
  }
}

/** What `_last_checkpoint` says of a checkpoint in one file. Of another writer's only the version is sure. */
export interface LastCheckpoint {
  readonly version: number;
  /** Its actions. */
  readonly size: number;
  readonly sizeInBytes: number;
  readonly numOfAddFiles: number;
}

export function encodeLastCheckpoint({ version, size, sizeInBytes, numOfAddFiles }: LastCheckpoint): string {
  return JSON.stringify({ version, size, sizeInBytes, numOfAddFiles });
}
