import * as z from 'zod';
import { FanlakeError } from '../../functions/core/errors.ts';
import type { EngineShare } from './machine.ts';

const schema = z.object({
  FANLAKE_WORKER_HOME: z.string().min(1),
  FANLAKE_WORKER_THREADS: z.coerce.number().int().min(1),
  FANLAKE_WORKER_MEMORY_BYTES: z.coerce.number().int().min(1),
});

export interface WorkerEnvironment {
  readonly home: string;
  readonly share: EngineShare;
}

/** What a worker process is told by the command that starts it. */
export function workerEnvironment({ home, share }: WorkerEnvironment): Record<keyof z.infer<typeof schema>, string> {
  return {
    FANLAKE_WORKER_HOME: home,
    FANLAKE_WORKER_THREADS: String(share.threads),
    FANLAKE_WORKER_MEMORY_BYTES: String(share.memoryBytes),
  };
}

/** @throws FanlakeError `usage` in a process that no command started */
export function readWorkerEnvironment(environment: Readonly<Record<string, string>>): WorkerEnvironment {
  const parsed = schema.safeParse(environment);
  if (!parsed.success)
    throw new FanlakeError('usage', 'This module is a worker process: it is started by `fanlake run` and `fanlake watch`.');
  const { FANLAKE_WORKER_HOME: home, FANLAKE_WORKER_THREADS: threads, FANLAKE_WORKER_MEMORY_BYTES: memoryBytes } = parsed.data;
  return { home, share: { threads, memoryBytes } };
}
