import { checkAccounting, checkBadRows } from './accounting.ts';
import { checkChain } from './chain.ts';
import { type ErrorReport, FanlakeError } from './errors.ts';
import type { FailedTask, Fold } from './part.ts';
import type { Plan } from './plan.ts';

/** Most data files of a run: its log entry must stay readable, some 300 MB at this number. */
const maxFiles = 100_000;

/**
 * Why an epoch whose map stage is complete may neither be committed nor go on, or null: failed tasks, chain, conservation, thresholds (protocol.md, Commit, step 1).
 * Looks at sums only, never at rows.
 * @param fold of the map stage
 */
export function judge(plan: Plan, fold: Fold): ErrorReport | null {
  if (plan.error !== null) return plan.error;
  const missing = fold.failed.flatMap((task) => task.missing);
  const holes = new Set(fold.failed.flatMap((task) => (task.linked ? [] : task.missing.map(({ key }) => key))));
  const chain = checkChain(fold.chain, (key) => plan.remainder || holes.has(key));
  // first: a task that read from a wrong place may have failed for nothing else
  if (chain.kind === 'broken') {
    const message = `${chain.links.length} splits were read from a wrong place (a guess inside quotes); they are read again from the right one.`;
    return new FanlakeError('chain', message, { broken: chain.links }).toReport();
  }
  // the answer of a query that looks at several rows at once is another one without a task's rows
  const allowed = plan.staged === true ? 0 : plan.job.limits.maxFailedTasks;
  if (fold.failed.length > allowed) return failedTasksError(plan, fold.failed);
  const tooMany = checkFiles(plan, fold);
  if (tooMany !== null) return tooMany.toReport();
  if (chain.kind === 'gap') {
    const message = `Run ${plan.run} is not committed: ${chain.key} should go on at byte ${chain.expected} and goes on at ${chain.found}.`;
    return new FanlakeError('run.unaccounted', message, { ...chain }).toReport();
  }
  if (chain.kind === 'unproven') return unprovenError(plan, fold.failed, chain);
  const wrong = checkAccounting(plan, fold, plan.remainder || missing.length > 0) ?? checkBadRows(plan, fold);
  return wrong?.toReport() ?? null;
}

/** Behind a failed task a split's guess can't be checked: then the run isn't committed in part but fails. */
function unprovenError(
  plan: Plan,
  failed: readonly FailedTask[],
  { key, start }: { readonly key: string; readonly start: number },
): ErrorReport {
  const { code, message, details } = failedTasksError(plan, failed);
  const why = `The run can't be committed in part: where the first record behind byte ${start} of ${key} starts can't be proven without the failed task.`;
  return { code, message: `${message}\n${why}`, details };
}

/** The error of a run that wrote more data files than a log entry may name, or null. */
export function checkFiles(plan: Plan, fold: Fold): FanlakeError | null {
  if (fold.files.length <= maxFiles) return null;
  return new FanlakeError(
    'table.partitions',
    `Run ${plan.run} wrote ${fold.files.length} data files, and ${maxFiles} is the most. Partition by a column with fewer values, or use a larger --split-size.`,
    { files: fold.files.length, maxFiles },
  );
}

/**
 * The first failed task's error, with how many others failed.
 * @param tasks of its stage
 */
export function failedTasksError(plan: Plan, failed: readonly FailedTask[], tasks = plan.tasks): ErrorReport {
  const first = failed[0];
  if (first === undefined) throw new FanlakeError('internal', 'a run without failed tasks was failed for them');
  const { code, message, details } = first.error;
  const others = failed.length > 1 ? `\n${failed.length - 1} more of ${tasks} tasks failed.` : '';
  const isAllowed = plan.staged === true && plan.job.limits.maxFailedTasks > 0;
  const whole = isAllowed
    ? "\nlimits.maxFailedTasks doesn't help here: the query looks at several rows at once, so its answer needs the rows of all tasks."
    : '';
  return { code, message: `${message}${others}${whole}`, details: { ...details, failedTasks: failed.length } };
}
