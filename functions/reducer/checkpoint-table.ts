import { logPrefix } from '../core/keys.ts';
import type { ObjectStore } from '../core/ports.ts';
import {
  checkpointActions,
  checkpointRefusal,
  encodeLastCheckpoint,
  isCheckpointDue,
  isTooSoon,
  type LastCheckpoint,
} from '../core/table-log/checkpoint.ts';
import { checkpointName, decodeLastCheckpoint, lastCheckpointName } from '../core/table-log/log-names.ts';
import type { CheckpointAttempt, ReducerContext } from './commit-candidate.ts';
import { encodeCheckpoint } from './encode-checkpoint.ts';
import { type SnapshotLimits, snapshotAt } from './snapshot-at.ts';

/** About 1 KiB of memory an action and as much again while it is encoded, of the reducer's 1,769 MiB (docs/tables.md has the measurement). */
const limits: SnapshotLimits = { actions: 500_000, bytes: 384 * 2 ** 20 };

/** How often the pointer to the newest checkpoint is tried when others write it at the same time. */
const pointerTries = 3;

/**
 * Writes the table's checkpoint of a version, if one is due there. Never throws: the runs are committed and have their outcomes. Any number of processes
 * may do it at once, and die at any step: a checkpoint is created whole or not at all, the first one stays, and the pointer is only a hint.
 */
export async function checkpointIfDue(context: ReducerContext, table: string, version: number): Promise<void> {
  // without a request: the log as it was before the entry
  const { metaData } = context.logs.of(table).known;
  if (!isCheckpointDue(version, metaData)) return;
  let result: CheckpointAttempt['result'];
  try {
    const pointer = await readPointer(context.stores.lake, table);
    if (pointer !== null && pointer.names !== null && isTooSoon(version, pointer.names, metaData)) return;
    result = await writeCheckpoint(context, table, version, pointer?.names?.version ?? null);
  } catch (error) {
    result = { kind: 'failed', error };
  }
  context.onCheckpoint?.({ table, version, result });
}

async function writeCheckpoint(
  { stores, clock }: ReducerContext,
  table: string,
  version: number,
  hint: number | null,
): Promise<CheckpointAttempt['result']> {
  const { lake } = stores;
  const found = await snapshotAt(lake, table, version, hint, limits);
  if ('skipped' in found) return { kind: 'skipped', reason: found.skipped };
  const reason = checkpointRefusal(found.snapshot);
  if (reason !== null) return { kind: 'skipped', reason };
  const { bytes, actions, files } = encodeCheckpoint(checkpointActions(found.snapshot, clock.now()));
  if ((await lake.create(`${logPrefix(table)}${checkpointName(version)}`, bytes)) === null) {
    return { kind: 'skipped', reason: 'it is there' };
  }
  await pointTo(lake, table, { version, size: actions, sizeInBytes: bytes.length, numOfAddFiles: files });
  return { kind: 'written', actions, bytes: bytes.length };
}

interface Pointer {
  /** The stored version of its object. */
  readonly tag: string;
  /** The checkpoint that it names; null when it can't be read. */
  readonly names: ReturnType<typeof decodeLastCheckpoint>;
}

async function readPointer(lake: ObjectStore, table: string): Promise<Pointer | null> {
  const object = await lake.get(`${logPrefix(table)}${lastCheckpointName}`);
  return object === null ? null : { tag: object.version, names: decodeLastCheckpoint(Buffer.from(object.body).toString('utf8')) };
}

/** Never back: the pointer of a slow writer doesn't replace a newer one. */
async function pointTo(lake: ObjectStore, table: string, checkpoint: LastCheckpoint): Promise<void> {
  const key = `${logPrefix(table)}${lastCheckpointName}`;
  const body = encodeLastCheckpoint(checkpoint);
  for (let tries = 0; tries < pointerTries; tries++) {
    const pointer = await readPointer(lake, table);
    if ((pointer?.names?.version ?? -1) >= checkpoint.version) return;
    const stored = pointer === null ? await lake.create(key, body) : await lake.replace(key, pointer.tag, body);
    if (stored !== null) return;
  }
}
