import * as z from 'zod';
import { FanlakeError } from '../../functions/core/errors.ts';
import type { EngineShare } from '../../functions/engine/engine-share.ts';

const schema = z.object({
  home: z.string().min(1),
  threads: z.coerce.number().int().min(1),
  memoryBytes: z.coerce.number().int().min(1),
});

export interface WorkerSettings {
  readonly home: string;
  readonly share: EngineShare;
}

/** What a worker process is told by the command that takes it up, as the pool's channel carries it. */
export function encodeSettings({ home, share }: WorkerSettings): Record<keyof z.infer<typeof schema>, string> {
  return { home, threads: String(share.threads), memoryBytes: String(share.memoryBytes) };
}

/** @throws FanlakeError `usage` in a process that no command took up */
export function decodeSettings(settings: Readonly<Record<string, string>>): WorkerSettings {
  const parsed = schema.safeParse(settings);
  if (!parsed.success)
    throw new FanlakeError('usage', 'This module is a worker process: it is started by `fanlake run` and `fanlake watch`.');
  const { home, threads, memoryBytes } = parsed.data;
  return { home, share: { threads, memoryBytes } };
}
