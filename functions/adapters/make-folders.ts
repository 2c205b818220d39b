import fs from 'node:fs';
import path from 'node:path';
import { isErrno } from './local-errors.ts';

/**
 * Makes a folder and those above it, one by one: Node's own recursive way spins for ever where a folder exists but refuses to hold one
 * (`/proc`), and says "no such file" of a read-only file system.
 * @returns the first folder made, undefined when all were there
 * @throws the operating system's error
 */
export function makeFolders(folder: string): string | undefined {
  const missing: string[] = [];
  for (let at = path.resolve(folder); !fs.existsSync(at) && at !== path.dirname(at); at = path.dirname(at)) missing.push(at);
  for (const each of missing.toReversed()) {
    try {
      fs.mkdirSync(each);
    } catch (thrown) {
      // another process was faster; a link to nowhere is there too, and fails one level deeper
      if (!isErrno(thrown, 'EEXIST')) throw thrown;
    }
  }
  return missing.at(-1);
}
