import { type StageSizing, stageSizing } from '../../functions/core/stage-sizing.ts';

/** Where nothing is fetched over a network, half of what a function is given is worth a core that would have nothing to do. */
const thisMachine: StageSizing = { ...stageSizing, mergeBytes: stageSizing.mergeBytes / 2 };

/**
 * How many tasks share a stage on this machine. `FANLAKE_MERGE_BYTES` makes merge tasks of so many bytes, and everything else smaller in proportion, so that a few megabytes
 * show what a stage of terabytes does: for trials and tests (CONTRIBUTING.md).
 */
export function localSizing(environment: NodeJS.ProcessEnv = process.env): StageSizing {
  const mergeBytes = Number(environment['FANLAKE_MERGE_BYTES'] ?? thisMachine.mergeBytes);
  if (!Number.isInteger(mergeBytes) || mergeBytes < 1 || mergeBytes === thisMachine.mergeBytes) return thisMachine;
  const share = mergeBytes / stageSizing.mergeBytes;
  return {
    ...stageSizing,
    mergeBytes,
    combineBytes: Math.ceil(stageSizing.combineBytes * share),
    mostBytes: Math.ceil(stageSizing.mostBytes * share),
  };
}
