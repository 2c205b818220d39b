/** Which runs a message's text is about, told from the text alone and by hand: no code of Fanlake's has a part in it. */
import type { LandedUpload } from './invariants.ts';

interface Named {
  readonly run?: string;
  readonly epoch?: number;
  /** A dead request that was sent again: the message that it was. */
  readonly body?: string;
  /** Of an upload that is planned again. */
  readonly object?: { readonly key: string; readonly version: string };
  readonly Records?: readonly { readonly s3: { readonly object: Landed } }[];
}

interface Landed {
  readonly key: string;
  readonly versionId?: string;
  readonly eTag?: string;
}

export interface NamedEpoch {
  readonly run: string;
  readonly epoch: number;
}

/** The epoch that a message of any queue names; of an upload's event it is the first. Null for what names none of the world's. */
export function namedEpoch(body: string, uploads: ReadonlyMap<string, LandedUpload>): NamedEpoch | null {
  const { run, epoch = 0, body: again, object, Records = [] } = JSON.parse(body) as Named;
  if (again !== undefined) return namedEpoch(again, uploads);
  if (run !== undefined) return { run, epoch };
  const [record] = Records;
  if (object !== undefined) return withEpoch(runOf(uploads, object.key, object.version), epoch);
  if (record === undefined) return null;
  const { key, versionId, eTag } = record.s3.object;
  return withEpoch(runOf(uploads, key, versionId === undefined ? `"${eTag}"` : `version-id:${versionId}`), 0);
}

const withEpoch = (run: string | null, epoch: number): NamedEpoch | null => (run === null ? null : { run, epoch });

function runOf(uploads: ReadonlyMap<string, LandedUpload>, key: string, version: string): string | null {
  for (const upload of uploads.values()) if (upload.key === key && upload.version === version) return upload.run;
  return null;
}
