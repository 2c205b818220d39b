import { posix } from 'node:path';

/** Whether a key fits a glob: one without a slash is held against the last part of the key, one with a slash against the key's end. */
function fits(key: string, glob: string): boolean {
  if (!glob.includes('/')) return posix.matchesGlob(posix.basename(key), glob);
  return posix.matchesGlob(key, glob) || (!glob.startsWith('/') && posix.matchesGlob(key, `**/${glob}`));
}

/** Whether a job takes the object of this key: in one of its `include` globs (if it has any) and in none of `exclude`. */
export function takesKey(
  { include, exclude }: { readonly include: readonly string[]; readonly exclude: readonly string[] },
  key: string,
): boolean {
  if (include.length > 0 && !include.some((glob) => fits(key, glob))) return false;
  return !exclude.some((glob) => fits(key, glob));
}
