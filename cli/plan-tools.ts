import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlanTools } from '../functions/coordinator/draft-plan.ts';
import type { TaskSizing } from '../functions/core/plan.ts';
import type { Stores } from '../functions/core/ports.ts';
import { engineInspector } from '../functions/engine/inspector.ts';
import { TableLogs } from '../functions/protocol/table-logs.ts';
import { unlessInterrupted } from './interruption.ts';
import { inspectorMemoryBytes } from './local/machine.ts';

/**
 * Gives what drafting a plan takes, and takes it down again: an engine, and a folder for samples.
 * @param sizing what suits the machines that would run it
 * @param signal interrupts the work @throws Interrupted
 */
export async function withPlanTools<Result>(
  { landing, lake }: Stores,
  sizing: TaskSizing,
  signal: AbortSignal | null,
  work: (tools: PlanTools) => Promise<Result>,
): Promise<Result> {
  const scratch = await mkdtemp(join(tmpdir(), 'fanlake-explain-'));
  const inspector = engineInspector(scratch, inspectorMemoryBytes());
  try {
    const drafting = work({ landing, lake, inspector, scratch, logs: new TableLogs(lake), sizing });
    return await (signal === null ? drafting : unlessInterrupted(signal, drafting));
  } finally {
    await inspector.close();
    await rm(scratch, { recursive: true, force: true });
  }
}
