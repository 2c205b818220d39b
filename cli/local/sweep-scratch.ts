import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Home } from './home.ts';

/** Removes the scratch folders of processes that are no more. */
export function sweepScratch(home: Home): void {
  let names: readonly string[] = [];
  try {
    names = readdirSync(home.scratch);
  } catch {
    return;
  }
  for (const name of names) {
    if (!/^\d+$/.test(name) || isAlive(Number(name))) continue;
    try {
      rmSync(join(home.scratch, name), { recursive: true, force: true });
    } catch {
      // it may be another user's; what can't be written is told by whoever must write
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // another user's process is alive too
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM';
  }
}
