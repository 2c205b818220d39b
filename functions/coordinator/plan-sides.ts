import { asFanlakeError, FanlakeError } from '../core/errors.ts';
import type { Job } from '../core/job.ts';
import type { ObjectVersion } from '../core/ports.ts';
import { maxSideBytes, maxSidesBytes, type PlannedSide } from '../core/side-table.ts';
import { inputColumns } from './input-columns.ts';
import type { InspectTools } from './inspect-object.ts';
import { inspectObjects } from './inspect-objects.ts';

type SideInputs = NonNullable<Job['inputs']>;
type SideInput = SideInputs[string];

/** A side input that is there. */
interface Found {
  readonly name: string;
  readonly side: SideInput;
  readonly object: ObjectVersion;
}

/**
 * Pins a job's side inputs to what they are now, and decides how each is read.
 * @throws FanlakeError `input.gone` for one that isn't there; `plan.too-large` past the limits; `input.*`, `query.column` for one that can't be read
 */
export async function planSides(tools: InspectTools, job: Job): Promise<readonly PlannedSide[]> {
  const found: Found[] = [];
  for (const [name, side] of Object.entries(job.inputs ?? {})) {
    const object = await tools.landing.head(side.key);
    if (object === null) throw missing(tools, name, side);
    found.push({ name, side, object });
  }
  checkSizes(found);
  const planned: PlannedSide[] = [];
  for (const one of found) planned.push(await inspectSide(tools, job, one));
  return planned;
}

function missing({ landing }: InspectTools, name: string, { key }: SideInput): FanlakeError {
  const message = `The side input '${name}' isn't there: ${landing.locate(key)}. Put it there, or mend the job's inputs; then run the same again.`;
  return new FanlakeError('input.gone', message, { side: name, key });
}

function checkSizes(found: readonly Found[]): void {
  const large = found.find(({ object }) => object.size > maxSideBytes);
  if (large !== undefined) {
    const { name, object } = large;
    const advice = 'Keep only the rows and columns that are needed, or store it as Parquet.';
    throw new FanlakeError(
      'plan.too-large',
      `The side input '${name}' (${object.key}) has ${mebibytes(object.size)}, and ${mebibytes(maxSideBytes)} is the most: every worker takes all of it. ${advice}`,
      { side: name, key: object.key, bytes: object.size, maxBytes: maxSideBytes },
    );
  }
  const bytes = found.reduce((sum, { object }) => sum + object.size, 0);
  if (bytes <= maxSidesBytes) return;
  throw new FanlakeError(
    'plan.too-large',
    `The job's ${found.length} side inputs have ${mebibytes(bytes)} together, and ${mebibytes(maxSidesBytes)} is the most: every worker takes all of them.`,
    { bytes, maxBytes: maxSidesBytes },
  );
}

const mebibytes = (bytes: number): string => `${(Math.ceil((bytes / 2 ** 20) * 10) / 10).toLocaleString('en')} MiB`;

async function inspectSide(tools: InspectTools, job: Job, { name, side, object }: Found): Promise<PlannedSide> {
  const { format, columns: declared } = side;
  const alone: Job = { ...job, input: { ...job.input, format, columns: declared }, query: '' };
  try {
    const { layouts, learned } = await inspectObjects(tools, alone, [object]);
    const columns = inputColumns(alone, layouts, learned);
    const [layout] = layouts;
    if (layout === undefined || columns.length === 0) throw new FanlakeError('input.format', 'it has no columns.');
    return { name, object, layout, columns };
  } catch (thrown) {
    const error = asFanlakeError(thrown);
    const message = error.message.replace('Mend input.columns', `Mend inputs.${name}.columns`);
    throw new FanlakeError(error.code, `The side input '${name}' can't be read (${object.key}): ${message}`, error.details, error);
  }
}
