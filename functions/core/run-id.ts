import { createHash } from 'node:crypto';

export interface RunIdentity {
  readonly job: string;
  /** The table's key or path. */
  readonly table: string;
  readonly objects: Iterable<{ readonly key: string; readonly version: string }>;
  /** How many times the user asked for the same run once more (`--again`). */
  readonly again: number;
}

function compareKeys(a: { key: string; version: string }, b: { key: string; version: string }): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  if (a.version !== b.version) return a.version < b.version ? -1 : 1;
  return 0;
}

/**
 * The run's id: job name and a hash of job, table, the sorted (key, version) pairs and the number of `--again`. So a duplicated event is the
 * same run for the table's whole life. The job's own text is not in it: a deploy between two deliveries doesn't double a run.
 * Source: protocol.md, Identity.
 */
export function runId({ job, table, objects, again }: RunIdentity): string {
  const hash = createHash('sha256');
  const add = (text: string): void => {
    // the length in front keeps ('ab', 'c') and ('a', 'bc') apart
    hash.update(`${Buffer.byteLength(text)}:${text}`);
  };
  add(job);
  add(table);
  add(String(again));
  for (const { key, version } of [...objects].sort(compareKeys)) {
    add(key);
    add(version);
  }
  return `${job}-${hash.digest('hex').slice(0, 20)}`;
}

/** A short stable hash of a text, in lower-case hexadecimal. */
export function shortHash(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}

/** A UUID (RFC 9562, version 8: made of a hash) that is as unlike any other as the nonce is. */
export function uuidOf(nonce: string): string {
  const hex = shortHash(nonce, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}
