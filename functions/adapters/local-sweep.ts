import fs from 'node:fs';
import path from 'node:path';
import { storeError } from './local-errors.ts';
import { temporaryPrefix } from './local-paths.ts';

/**
 * Deletes temporary files below a folder, not through links.
 * @param olderThanMs age by the file's time of change, which a writer renews as it writes
 * @returns how many were deleted
 */
export async function sweepFolder(folder: string, olderThanMs: number): Promise<number> {
  let swept = 0;
  const waiting = [folder];
  for (let current = waiting.pop(); current !== undefined; current = waiting.pop()) {
    if (!fs.existsSync(current)) continue;
    try {
      for await (const found of await fs.promises.opendir(current)) {
        const file = path.join(current, found.name);
        if (found.isDirectory()) waiting.push(file);
        else if (found.isFile() && found.name.startsWith(temporaryPrefix)) swept += sweepFile(file, olderThanMs);
      }
    } catch (thrown) {
      throw storeError(thrown, 'write', 'sweep unfinished files', current);
    }
  }
  return swept;
}

function sweepFile(file: string, olderThanMs: number): number {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (stat === undefined || Date.now() - stat.mtimeMs < olderThanMs) return 0;
  fs.rmSync(file, { force: true });
  return 1;
}
