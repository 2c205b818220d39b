import { draftPlan, isPlanningMistake } from '../../functions/coordinator/draft-plan.ts';
import { asFanlakeError, FanlakeError } from '../../functions/core/errors.ts';
import { manyWorkers } from '../../functions/core/plan.ts';
import type { ObjectVersion } from '../../functions/core/ports.ts';
import type { Receipt } from '../../functions/core/receipt.ts';
import { tableKeyOf } from '../../functions/core/upload.ts';
import { loadedByUploads } from '../../functions/protocol/loaded-by-uploads.ts';
import { withPlanTools } from '../plan-tools.ts';
import { identifyRun, type WantedRun } from '../store/identify-run.ts';
import { askToRun } from './ask-stack.ts';
import { haveTakenUp, type StackWatch } from './have-taken-up.ts';
import type { Stack } from './stack.ts';
import { waitOnStack } from './wait-on-stack.ts';

export interface StackRun extends WantedRun {
  /** What the user asked for; null: what suits the stack. */
  readonly splitBytes: number | null;
}

/** Objects whose heads are looked at for mistakes of job and query, before anything is sent. */
const checkedObjects = 10;
/** Objects that a refusal names. */
const namedObjects = 100;

/**
 * Has the stack run a job over some objects, or goes on with what it knows of that run, and waits for the outcome.
 * @throws FanlakeError for mistakes of job and query, found before anything is sent
 */
export async function runOnStack(stack: Stack, request: StackRun, watch: StackWatch): Promise<Receipt> {
  const { run, found } = await identifyRun(stack, request);
  if (found === null && !request.again) await refuseLoaded(stack, request);
  const { job, table, objects, splitBytes } = request;
  const wanted = { run, job, table, objects, splitBytes };
  const asked = await askToRun(stack, wanted, found, () => refuseMistakes(stack, request, run, watch.signal));
  if (asked.kind === 'over') return asked.receipt;
  if (asked.kind === 'asked') return haveTakenUp(stack, asked.epoch, watch);
  watch.onUnderWay(run);
  return waitOnStack(stack, asked.plan, watch.onProgress);
}

/**
 * The run of one object is that of its upload, and known by its id. A run over several has another id.
 * @throws FanlakeError `usage` when uploads load some of the objects
 */
async function refuseLoaded({ stores, name }: Stack, { job, table, objects }: StackRun): Promise<void> {
  // an upload goes to the job's own table
  if (objects.length < 2 || table !== tableKeyOf(job)) return;
  const loaded = await loadedByUploads(stores, job, objects);
  const [first] = loaded;
  if (first === undefined) return;
  throw new FanlakeError(
    'usage',
    `${loaded.length} of the ${objects.length} objects are loaded by their uploads already, such as ${first.object.key} (run ${first.run}): this run would put their rows into ` +
      `'${job.table.name}' a second time. Leave them out, or load all of them once more with --again. The runs of ${name}: fanlake status`,
    {
      loaded: loaded.length,
      objects: objects.length,
      first: loaded.slice(0, namedObjects).map(({ object, run }) => ({ key: object.key, run })),
    },
  );
}

/** Drafts the plan over a few objects; a mistake that these show is looked for once more with all of them, since another may have the missing column. */
async function refuseMistakes(stack: Stack, request: StackRun, run: string, signal: AbortSignal): Promise<void> {
  const few = smallest(request.objects, checkedObjects);
  const mistake = await mistakeOf(stack, { ...request, objects: few }, run, signal);
  if (mistake === null) return;
  const sure = few.length === request.objects.length ? mistake : await mistakeOf(stack, request, run, signal);
  if (sure !== null) throw sure;
}

async function mistakeOf(stack: Stack, { job, table, objects, splitBytes }: StackRun, run: string, signal: AbortSignal) {
  return withPlanTools(stack.stores, manyWorkers(stack.splitBytes), signal, async (tools) => {
    try {
      await draftPlan(tools, { job, run, epoch: 0, table, objects, splitBytes });
      return null;
    } catch (thrown) {
      // an object that can't be read is the run's failure, with a receipt
      if (isPlanningMistake(thrown)) return asFanlakeError(thrown);
      return null;
    }
  });
}

/** The smallest objects that hold something, or an empty one where all are. */
function smallest(objects: readonly ObjectVersion[], most: number): readonly ObjectVersion[] {
  const filled = objects.filter(({ size }) => size > 0);
  if (filled.length <= most) return filled.length > 0 ? filled : objects.slice(0, 1);
  return [...filled].sort((a, b) => a.size - b.size).slice(0, most);
}
