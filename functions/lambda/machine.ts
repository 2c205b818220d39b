import { totalmem } from 'node:os';
import type { EngineShare } from '../engine/engine-share.ts';

/** AWS Lambda Developer Guide, Configure function memory: at so many MB a function has one vCPU. */
const mbPerCpu = 1_769;
/** Of the function's memory; the rest is Node's, and the pages of staged files. */
const engineMemoryShare = 0.6;

/** The memory that the function was given, in bytes. */
export function functionMemoryBytes(environment: NodeJS.ProcessEnv = process.env): number {
  const mb = Number(environment['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']);
  return Number.isFinite(mb) && mb > 0 ? mb * 1024 * 1024 : totalmem();
}

/** What the engine of a function may take: it works on one task at a time. */
export function functionShare(environment: NodeJS.ProcessEnv = process.env): EngineShare {
  const memoryBytes = functionMemoryBytes(environment);
  const cpus = memoryBytes / (mbPerCpu * 1024 * 1024);
  return { threads: Math.max(1, Math.round(cpus)), memoryBytes: Math.floor(memoryBytes * engineMemoryShare) };
}
