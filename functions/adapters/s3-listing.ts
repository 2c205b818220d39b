import { ListObjectsV2Command, ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3';
import { s3Version } from '../core/object-version.ts';
import type { ListOptions, ObjectPage } from '../core/ports.ts';

const maxPageEntries = 1000;

const entriesOf = ({ limit = maxPageEntries }: ListOptions): number => Math.min(Math.max(limit, 1), maxPageEntries);

/** S3 always says it; were it missing, the object counts as new, which no sweep deletes. */
const timeOf = (modified: Date | undefined): number => modified?.getTime() ?? Number.POSITIVE_INFINITY;

/** Keys of a listing come URL-encoded where the answer says so, because XML can't hold every character; a space is a plus there. */
function decoder({ EncodingType: encoding }: { readonly EncodingType?: string | undefined }): (key: string) => string {
  return encoding === 'url' ? (key) => decodeURIComponent(key.replaceAll('+', ' ')) : (key) => key;
}

/** A page of what is there now. Without version ids: S3 gives them only with all of an object's versions. */
export async function listCurrent(client: S3Client, bucket: string, options: ListOptions): Promise<ObjectPage> {
  const { prefix, startAfter, delimiter, next } = options;
  const page = await client.send(
    new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix,
      MaxKeys: entriesOf(options),
      EncodingType: 'url',
      ...(startAfter === undefined || startAfter === '' ? {} : { StartAfter: startAfter }),
      ...(delimiter === undefined ? {} : { Delimiter: delimiter }),
      ...(next === undefined ? {} : { ContinuationToken: next }),
    }),
  );
  const decodeKey = decoder(page);
  return {
    objects: (page.Contents ?? []).map(({ Key: key = '', ETag: etag = '', Size: size = 0, LastModified: modified }) => ({
      key: decodeKey(key),
      version: s3Version(undefined, etag),
      size,
      modifiedMs: timeOf(modified),
    })),
    prefixes: (page.CommonPrefixes ?? []).map((found) => decodeKey(found.Prefix ?? '')),
    ...(page.NextContinuationToken === undefined ? {} : { next: page.NextContinuationToken }),
  };
}

/** Where a listing of versions goes on. */
interface VersionMarker {
  readonly key: string;
  readonly version?: string;
}

/**
 * A page of what is there now, each object with its version id: S3 lists all versions, of which the latest is taken unless it says that the object was
 * deleted. So a page may be short, or empty though another follows.
 */
export async function listVersioned(client: S3Client, bucket: string, options: ListOptions): Promise<ObjectPage> {
  const { prefix, startAfter, delimiter, next } = options;
  const marker: VersionMarker | null =
    next !== undefined ? (JSON.parse(next) as VersionMarker) : startAfter === undefined || startAfter === '' ? null : { key: startAfter };
  const page = await client.send(
    new ListObjectVersionsCommand({
      Bucket: bucket,
      Prefix: prefix,
      MaxKeys: entriesOf(options),
      EncodingType: 'url',
      ...(delimiter === undefined ? {} : { Delimiter: delimiter }),
      ...(marker === null ? {} : { KeyMarker: marker.key }),
      ...(marker?.version === undefined ? {} : { VersionIdMarker: marker.version }),
    }),
  );
  const decodeKey = decoder(page);
  const objects = (page.Versions ?? [])
    .filter(({ IsLatest: isLatest }) => isLatest === true)
    .map(({ Key: key = '', VersionId: id, ETag: etag = '', Size: size = 0, LastModified: modified }) => ({
      key: decodeKey(key),
      version: s3Version(id, etag),
      size,
      modifiedMs: timeOf(modified),
    }));
  const prefixes = (page.CommonPrefixes ?? []).map((found) => decodeKey(found.Prefix ?? ''));
  const { IsTruncated: more, NextKeyMarker: nextKey, NextVersionIdMarker: nextVersion } = page;
  if (more !== true || nextKey === undefined) return { objects, prefixes };
  const after: VersionMarker = {
    key: decodeKey(nextKey),
    ...(nextVersion === undefined || nextVersion === '' ? {} : { version: nextVersion }),
  };
  return { objects, prefixes, next: JSON.stringify(after) };
}
