import { availableParallelism, totalmem } from 'node:os';
import type { EngineShare } from '../../functions/engine/engine-share.ts';

/** Of the machine's memory that all engines together may take: the rest is for Node, the page cache and the other programs. */
const memoryShare = 0.6;
const leastEngineBytes = 256 * 1024 * 1024;

export const machineCores = (): number => availableParallelism();

/** Of the memory, what planning's look into files may take. */
export const inspectorMemoryBytes = (): number => engineShare(4).memoryBytes;

/**
 * A worker's share of this machine, when so many of them work at once.
 * @param eager gives every worker all cores: for `watch`, where most of the time one of them is busy
 */
export function engineShare(workers: number, eager = false): EngineShare {
  const threads = eager ? machineCores() : Math.max(1, Math.floor(machineCores() / workers));
  const memoryBytes = Math.max(leastEngineBytes, Math.floor((constrainedMemory() * memoryShare) / workers));
  return { threads, memoryBytes: triedBytes() ?? memoryBytes };
}

/** What `FANLAKE_ENGINE_BYTES` says, for trials of what doesn't fit a worker's memory (CONTRIBUTING.md). */
function triedBytes(): number | null {
  const bytes = Number(process.env['FANLAKE_ENGINE_BYTES'] ?? 0);
  return Number.isInteger(bytes) && bytes > 0 ? bytes : null;
}

/** The memory that this process may use: the container's, where there is one. */
function constrainedMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}
