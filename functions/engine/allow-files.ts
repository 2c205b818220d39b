import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Engine } from './session.ts';

/** Lets the engine read the folders of these files; links are followed, as the engine does. */
export async function allowFiles(engine: Engine, paths: readonly string[]): Promise<void> {
  const folders = new Set<string>();
  for (const path of paths) {
    folders.add(dirname(path));
    folders.add(dirname(await realpath(path).catch(() => path)));
  }
  await engine.allow([...folders]);
}
