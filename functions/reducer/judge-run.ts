import { asFanlakeError, type ErrorReport, FanlakeError } from '../core/errors.ts';
import { judgeStages } from '../core/judge-stages.ts';
import type { EpochId } from '../core/keys.ts';
import type { Plan } from '../core/plan.ts';
import type { Snapshot } from '../core/table-log/snapshot.ts';
import { readPlan } from '../protocol/documents.ts';
import { gatherFold, mergeTasksOf } from '../protocol/gather-fold.ts';
import { remainderLost } from '../protocol/in-the-table.ts';
import type { CommitCandidate, ReducerContext } from './commit-candidate.ts';
import { whyUnfit } from './fits-table.ts';
import { filesGone, filesLost, lostFiles } from './lost-files.ts';

/** The table whose version decisions name, or why it can't be committed to whatever is done. */
export type SeenTable = { readonly snapshot: Snapshot } | { readonly error: ErrorReport };

type Judged = Pick<CommitCandidate, 'plan' | 'fold' | 'mergeTasks'>;

/** A run with all its parts, and how it is to be decided. */
export type JudgedRun =
  | (Judged & { readonly kind: 'commit'; readonly version: number })
  /** Nothing is wrong with it, but its table can't be read, or its files don't fit it: it fails, unless its commit was decided before that. */
  | (Judged & { readonly kind: 'unfit'; readonly error: ErrorReport })
  /** Its data files or parts went: it fails, unless its commit was decided when they were there, and may be in the table. */
  | (Judged & Pick<CommitCandidate, 'incomplete'> & { readonly kind: 'lost'; readonly lost: FanlakeError; readonly error: ErrorReport })
  | { readonly kind: 'fail'; readonly error: ErrorReport };

export async function lookAtTable(context: ReducerContext, table: string): Promise<SeenTable> {
  try {
    return { snapshot: await context.logs.of(table).refresh() };
  } catch (thrown) {
    return { error: permanentReport(thrown) };
  }
}

/** The report of an error that concerns the run or its table and stays; others are thrown, so that the message comes again. */
function permanentReport(thrown: unknown): ErrorReport {
  const error = asFanlakeError(thrown);
  if (!error.retryable && (error.code.startsWith('table.') || error.code.startsWith('plan.'))) return error.toReport();
  throw thrown;
}

/**
 * Judges a run by its plan and parts, its files and what was seen of its table. `incomplete`: a message from before a crash; somebody else sees to the run.
 * `plan gone`: one from before the work root expired, which ended long ago.
 */
export async function judgeRun(context: ReducerContext, id: EpochId, seen: SeenTable): Promise<JudgedRun | 'incomplete' | 'plan gone'> {
  try {
    const plan = await readPlan(context.stores.work, id);
    if (plan === null) return 'plan gone';
    const { fold, stages, lost } = await gatherFold(context.stores.work, plan);
    const judged: Judged = { plan, fold, mergeTasks: mergeTasksOf(stages) };
    if (lost) {
      const expired = partsExpired(plan);
      return { ...judged, kind: 'lost', lost: expired, incomplete: true, error: expired.toReport() };
    }
    const wrong = judgeStages(plan, stages);
    if (wrong === 'incomplete') return wrong;
    if (wrong !== null) return { kind: 'fail', error: wrong };
    const gone = await lostFiles(context.stores.lake, plan, fold.files, context.clock.now());
    if (gone.length > 0) {
      return { ...judged, kind: 'lost', lost: filesGone(plan, gone), incomplete: false, error: filesLost(plan, gone).toReport() };
    }
    if ('error' in seen) return { ...judged, kind: 'unfit', error: seen.error };
    const unfit = isEntryNeeded(judged) ? whyUnfit(plan, seen.snapshot, context.stores.lake.locate(plan.table.key)) : null;
    return unfit === null
      ? { ...judged, kind: 'commit', version: seen.snapshot.version }
      : { ...judged, kind: 'unfit', error: unfit.toReport() };
  } catch (thrown) {
    return { kind: 'fail', error: permanentReport(thrown) };
  }
}

const isEntryNeeded = ({ plan, fold }: Judged): boolean => plan.table.format === 'delta' && fold.files.length > 0;

/** Nobody else would ever find it complete. */
function partsExpired(plan: Plan): FanlakeError {
  const { run, epoch, job, remainder } = plan;
  if (remainder) return remainderLost(plan);
  return new FanlakeError(
    'run.unknown',
    `Run ${run}, epoch ${epoch}, takes over parts of an earlier epoch that have expired with the work root. Run job '${job.name}' over its input again: fanlake run`,
  );
}
