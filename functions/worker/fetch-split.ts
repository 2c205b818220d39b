import { canSplit } from '../core/layout.ts';
import type { Plan } from '../core/plan.ts';
import type { ObjectStore, StagedFile } from '../core/ports.ts';
import { reachOf } from '../core/records/reach.ts';
import type { Split } from '../core/task.ts';
import { RangeMissing } from '../formats/file-source.ts';
import type { ProjectAside } from '../formats/stage-halves.ts';
import { stageSplit } from '../formats/stage-split.ts';
import type { SplitToStage, StagedSplit } from '../formats/staged-split.ts';
import { questionsOf } from './scan-questions.ts';

/** Least that is fetched on when a record is longer than was fetched; then four times as much each time. */
const leastMoreBytes = 256 << 10;

/** One split whose bytes are on this disk. */
export interface FetchedSplit {
  readonly split: SplitToStage;
  readonly file: StagedFile;
}

export interface FetchOptions {
  readonly landing: ObjectStore;
  /** Folder for staged files. */
  readonly scratch: string;
  /** Begins the names of staged files; unique within the folder. */
  readonly name: string;
  /** Of the engine. */
  readonly threads: number;
  /** Default: what pays. */
  readonly projectBytes?: number | undefined;
}

/**
 * Fetches a split's bytes, with those around it that its first and last record most likely need.
 * @throws FanlakeError `input.gone`, `input.changed`, `store.*`
 */
export async function fetchSplit(plan: Plan, split: Split, options: FetchOptions): Promise<FetchedSplit> {
  const { landing, scratch, name, threads, projectBytes } = options;
  const { object, start, end } = split;
  const layout = plan.layouts[split.layout];
  if (layout === undefined) throw new Error(`the plan of ${plan.run} has no layout ${split.layout}`);
  const isWhole = start === 0 && end >= object.size;
  const file = await landing.stage(object, isWhole || !canSplit(layout) ? { start, end } : reachOf({ start, end }, layout), scratch);
  const toStage: SplitToStage = {
    path: file.path,
    origin: file.origin,
    size: object.size,
    key: object.key,
    layout,
    range: { start, end },
    exactFrom: split.from ?? null,
    scratch,
    name,
    threads,
    wholeObject: isWhole && file.origin === 0 && file.length === object.size,
    ...questionsOf(layout, plan),
    ...(projectBytes === undefined ? {} : { projectBytes }),
  };
  return { split: toStage, file };
}

/**
 * Finds a fetched split's records; fetches on where one of them is longer than what is there.
 * @param aside as for `stageSplit`
 * @throws FanlakeError as `stageSplit` does, and when fetching fails
 */
export async function stageFetched(
  { split, file }: FetchedSplit,
  aside?: ProjectAside,
): Promise<FetchedSplit & { readonly staged: StagedSplit }> {
  let [held, toStage] = [file, split];
  for (let more = leastMoreBytes; ; more *= 4) {
    try {
      return { split: toStage, file: held, staged: await stageSplit(toStage, aside) };
    } catch (thrown) {
      if (!(thrown instanceof RangeMissing)) throw thrown;
      const end = held.origin + held.length;
      const isInFront = thrown.offset < held.origin;
      held = await held.extend(
        isInFront ? { start: Math.max(0, thrown.offset - more), end } : { start: held.origin, end: Math.max(end, thrown.offset) + more },
      );
      toStage = { ...split, path: held.path, origin: held.origin };
    }
  }
}
