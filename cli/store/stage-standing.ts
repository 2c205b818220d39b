import { type Plan, reusedCount, stagesOf } from '../../functions/core/plan.ts';
import { stepBehind } from '../../functions/core/stage-planning.ts';
import { type GatheredStage, gatherFold } from '../../functions/protocol/gather-fold.ts';
import type { FoundRun } from '../../functions/protocol/look-up-run.ts';
import type { Place } from './place.ts';

/** Where a stage of a run stands: part of `status <run> --json`. */
export interface StageStanding {
  /** `map`, `combine 1` (makes few parts of many before the first merge), `deal 1` (deals rows again before it), `merge 1`... */
  readonly stage: string;
  /** `planned` is null of a stage that has not begun: how many it has follows from what the stage before hands on. */
  readonly tasks: { readonly planned: number | null; readonly done: number; readonly failed: number };
  /** Rows that its tasks have taken so far: of the input, else of the stage before; and handed on, or in the last stage written. */
  readonly rows: { readonly taken: number; readonly handedOn: number };
}

/** Where the stages of a run stand, from the store alone; null of a run without merge stages, and where its work has expired. */
export async function stagesNow({ stores: { work } }: Place, { plan }: FoundRun): Promise<readonly StageStanding[] | null> {
  const staged = plan === null ? null : stagesOf(plan);
  if (plan === null || staged === null) return null;
  const { stages } = await gatherFold(work, plan);
  const newest = stages.at(-1)?.merge ?? null;
  const begun = stages.map((stage) => standingOf(plan, stage));
  const next = newest === null ? 0 : stepBehind(newest);
  const toCome = staged.steps.slice(next).map((_, index) => ({
    stage: `merge ${next + index + 1}`,
    tasks: { planned: null, done: 0, failed: 0 },
    rows: { taken: 0, handedOn: 0 },
  }));
  return [...begun, ...toCome];
}

function standingOf(plan: Plan, { tasks, merge, fold, outputs }: GatheredStage): StageStanding {
  const handedOn = outputs.reduce((sum, { rows }) => sum + rows, 0);
  return {
    stage: merge === null ? 'map' : `${merge.kind} ${merge.step + 1}`,
    tasks: { planned: merge === null ? tasks + reusedCount(plan) : tasks, done: fold.done, failed: fold.failed.length },
    rows: { taken: merge === null ? fold.rows.read : fold.consumed, handedOn: merge?.last === true ? fold.rows.written : handedOn },
  };
}
