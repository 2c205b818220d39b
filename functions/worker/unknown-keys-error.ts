import { FanlakeError } from '../core/errors.ts';
import type { Ignored } from '../core/ignored-keys.ts';
import type { Plan } from '../core/plan.ts';

/** Keys that the message names. */
const namedKeys = 10;

/** What makes a task fail whose input has keys that no column holds, when the job wants that; else null. */
export function unknownKeysError({ job, run }: Plan, { values, keys }: Ignored): FanlakeError | null {
  if (job.input.unknownKeys !== 'fail' || values === 0) return null;
  const named = keys.slice(0, namedKeys).map(({ key, values: count }) => `${key} (${count})`);
  const more = keys.length > namedKeys ? ` and ${keys.length - namedKeys} more` : '';
  return new FanlakeError(
    'input.keys',
    `Loading JSON in run ${run} found keys that no column holds (with how many values): ${named.join(', ')}${more}. ` +
      "Declare the columns (the job's input.columns), a struct's with all its fields or as JSON; or have such values passed over (input.unknownKeys: 'report').",
    { values, keys: keys.slice(0, namedKeys) },
  );
}
