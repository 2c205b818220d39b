import { isAbsolute, relative, sep } from 'node:path';

/** A path as it is shortest to type: relative when it lies below the current folder. A relative one stays as it is. */
export function shortPath(path: string, currentFolder: string): string {
  if (!isAbsolute(path)) return path;
  const below = relative(currentFolder, path);
  return below === '' || below === '..' || below.startsWith(`..${sep}`) || below.startsWith(sep) ? path : below;
}
