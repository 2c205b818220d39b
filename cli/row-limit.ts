import type { Command } from 'commander';
import type { Shell } from './shell.ts';
import { parseCount } from './values.ts';

export interface LimitOptions {
  readonly limit?: number;
}

const terminalRows = 100;

export function addLimit(command: Command): Command {
  return command.option('--limit <n>', `rows at most (default: ${terminalRows} on a terminal, else all; with --json all)`, parseCount(1));
}

/** How many rows to show; undefined for all. */
export function limitFor({ limit }: LimitOptions, { style }: Shell, json: boolean): number | undefined {
  return limit ?? (json || style.columns === null ? undefined : terminalRows);
}
