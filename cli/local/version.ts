import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The version in the nearest package.json above this module: the sources' or the packed package's. */
function readVersion(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { readonly name?: string; readonly version?: string };
      if (found.name === 'fanlake' && found.version !== undefined) return found.version;
    } catch {
      // no package.json here: look one folder up
    }
  }
  return '0.0.0';
}

export const fanlakeVersion = readVersion();
