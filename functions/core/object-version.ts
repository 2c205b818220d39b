/** Version ids are told from etags by what stands in front. */
const versionPrefix = 'version-id:';

/**
 * An S3 object's version as a run pins it: the version id, or where the bucket gives none the etag. An unversioned bucket, and what was stored before it was
 * versioned, have the version id `null` or none.
 * @param etag with its quotes, as S3's answers have it; events leave them away
 */
export function s3Version(versionId: string | undefined, etag: string): string {
  if (versionId !== undefined && versionId !== '' && versionId !== 'null') return `${versionPrefix}${versionId}`;
  return etag.startsWith('"') || etag === '' ? etag : `"${etag}"`;
}

/** The version id that a pinned version is; null for an etag. */
export const versionIdOf = (version: string): string | null =>
  version.startsWith(versionPrefix) ? version.slice(versionPrefix.length) : null;
