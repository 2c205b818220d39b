import type { ObjectVersion } from '../../functions/core/ports.ts';
import { landingBucket } from './functions.ts';

/** The event that S3 sends of a new object (Amazon S3 User Guide, Event message structure), written by hand. */
export function uploadEvent({ key, version, size }: ObjectVersion, isVersioned: boolean): string {
  const name = version.replace(/^version-id:/, '').replaceAll('"', '');
  const named = isVersioned ? { versionId: name, eTag: 'e' } : { eTag: name };
  const s3 = { bucket: { name: landingBucket }, object: { key, size, ...named } };
  return JSON.stringify({ Records: [{ eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3 }] });
}
