import type { Plan } from '../core/plan.ts';
import type { MapOutput } from '../engine/map-output.ts';

/** Size that data files aim at: large enough for fast scans, small enough for many readers. */
const targetFileBytes = 256 * 1024 * 1024;
/** Lake partitions that one task may write: each is an open file with its buffers. */
const maxPartitions = 100;

/**
 * The data files that a task writes for the plan's table.
 * @param folder of the attempt's own, for these files
 * @param bytes of what the task reads
 */
export function tableOutput(plan: Plan, folder: string, bytes: number): MapOutput {
  return {
    dir: folder,
    columns: plan.table.columns.map(({ name, castTo }) => ({ name, castTo })),
    partitionBy: plan.table.partitionBy,
    // a file has fewer bytes than the text that it is made of; several are written at once, which would mix up rows that are in an order
    targetFileBytes: bytes <= targetFileBytes || isOrdered(plan) ? null : targetFileBytes,
    maxPartitions,
  };
}

const isOrdered = ({ query: { staged } }: Plan): boolean => staged?.steps.at(-1)?.order !== undefined;
