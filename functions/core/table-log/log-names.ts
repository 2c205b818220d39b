import { FanlakeError } from '../errors.ts';

/** Where a table's log lies, below the table's root. */
export const logFolder = '_delta_log/';

/** The pointer to a recent checkpoint. */
export const lastCheckpointName = '_last_checkpoint';

const versionPattern = /^(\d{20})\.(.+)$/;

function padded(version: number): string {
  if (!Number.isSafeInteger(version) || version < 0) throw new RangeError(`a table version is a whole number from 0, not ${version}`);
  return String(version).padStart(20, '0');
}

/** Name of the log entry of a version, below the log folder: `00000000000000000007.json`. */
export function entryName(version: number): string {
  return `${padded(version)}.json`;
}

/** What the names of a version's entry and checkpoints begin with: it sorts before each of them. */
export function versionName(version: number): string {
  return padded(version);
}

/** Name of the single-file checkpoint of a version. */
export function checkpointName(version: number): string {
  return `${padded(version)}.checkpoint.parquet`;
}

/** What an object of the log folder is. */
export type LogObject =
  | { readonly kind: 'entry'; readonly version: number }
  /** `parts` is 1 for the classic one, else the number of files that together are the checkpoint; `part` counts from 1. */
  | { readonly kind: 'checkpoint'; readonly version: number; readonly part: number; readonly parts: number }
  /** A checkpoint of the second kind, which only tables have that name the feature `v2Checkpoint`. */
  | { readonly kind: 'checkpoint-v2'; readonly version: number }
  | { readonly kind: 'last-checkpoint' }
  | { readonly kind: 'other' };

/** What the object of this name (without the log folder) is. What we don't know is `other`, to be passed over. */
export function parseLogName(name: string): LogObject {
  if (name === lastCheckpointName) return { kind: 'last-checkpoint' };
  const [, digits, rest] = versionPattern.exec(name) ?? [];
  if (digits === undefined || rest === undefined) return { kind: 'other' };
  const version = Number(digits);
  if (!Number.isSafeInteger(version)) return { kind: 'other' };
  if (rest === 'json') return { kind: 'entry', version };
  if (rest === 'checkpoint.parquet') return { kind: 'checkpoint', version, part: 1, parts: 1 };
  const multiPart = /^checkpoint\.(\d{10})\.(\d{10})\.parquet$/.exec(rest);
  if (multiPart !== null) return { kind: 'checkpoint', version, part: Number(multiPart[1]), parts: Number(multiPart[2]) };
  if (/^checkpoint\.[0-9a-fA-F-]{36}\.(json|parquet)$/.test(rest)) return { kind: 'checkpoint-v2', version };
  return { kind: 'other' };
}

/** A checkpoint that is whole, and the names of its files in order. */
export interface WholeCheckpoint {
  readonly version: number;
  readonly names: readonly string[];
}

/**
 * The newest whole checkpoint among the names of a log folder, or null. Multi-part ones with missing parts don't count, as the protocol
 * demands.
 * @param upTo the newest version that counts
 * @throws FanlakeError `table.unsupported` when a checkpoint of the second kind is newer: its table has the feature `v2Checkpoint`
 */
export function newestCheckpoint(names: Iterable<string>, upTo = Number.MAX_SAFE_INTEGER): WholeCheckpoint | null {
  const found = new Map<string, { version: number; parts: number; names: string[] }>();
  let newestV2 = -1;
  for (const name of names) {
    const object = parseLogName(name);
    if (object.kind === 'checkpoint-v2' && object.version <= upTo) newestV2 = Math.max(newestV2, object.version);
    if (object.kind !== 'checkpoint' || object.version > upTo) continue;
    const key = `${object.version}/${object.parts}`;
    const checkpoint = found.get(key) ?? { version: object.version, parts: object.parts, names: [] };
    checkpoint.names.push(name);
    found.set(key, checkpoint);
  }
  let newest: WholeCheckpoint | null = null;
  for (const { version, parts, names: files } of found.values()) {
    if (files.length !== parts || (newest !== null && newest.version >= version)) continue;
    newest = { version, names: files.sort() };
  }
  if (newestV2 > (newest?.version ?? -1)) {
    const kind = `the table's log has a checkpoint of the kind v2Checkpoint at version ${newestV2}`;
    throw new FanlakeError('table.unsupported', `${kind}, which Fanlake doesn't read. Use a table without the feature v2Checkpoint.`, {
      features: ['v2Checkpoint'],
    });
  }
  return newest;
}

/** The checkpoint that the text of `_last_checkpoint` names, and its actions; null when it can't be read: it is a hint, the folder's names decide. */
export function decodeLastCheckpoint(text: string): { readonly version: number; readonly size: number } | null {
  try {
    const { version, size } = JSON.parse(text) as { readonly version?: unknown; readonly size?: unknown };
    if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0) return null;
    return { version, size: typeof size === 'number' ? size : 0 };
  } catch {
    return null;
  }
}

/** Its version alone. */
export function lastCheckpointVersion(text: string): number | null {
  return decodeLastCheckpoint(text)?.version ?? null;
}
