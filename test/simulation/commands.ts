import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Tally } from './run-seeds.ts';

/** Worlds without a mistake that a test tries; a planted mistake is looked for in as many. */
export const seeds = 10_000;

export interface Simulated extends Tally {
  readonly seconds: number;
  readonly failure: { readonly message: string; readonly invariant: string; readonly variation: { readonly seed: number } } | null;
}

/** What `npm run simulate` does. It waits for nothing, so it lets all others go first. */
export function run(program: string, ...args: readonly string[]): { readonly code: number | null; readonly output: string } {
  const command = [process.execPath, fileURLToPath(new URL(program, import.meta.url)), ...args];
  const { status, stdout, stderr } = spawnSync('nice', ['-n', '19', ...command], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return { code: status, output: stdout + stderr };
}

export function simulate(...args: readonly string[]): Simulated {
  const { output } = run('./main.ts', '--json', ...args);
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Simulated;
}
