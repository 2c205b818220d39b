import { FanlakeError } from '../core/errors.ts';
import type { Job } from '../core/job.ts';
import type { Column, InputColumn, Layout } from '../core/layout.ts';
import { didYouMean } from '../core/nearest.ts';

/** The names that an object of this layout shows. */
function namesOf(layout: Layout): readonly string[] {
  switch (layout.format) {
    case 'csv':
      return layout.fields;
    case 'parquet':
      return layout.columns.map(({ name }) => name);
    case 'text':
      return ['line'];
    default:
      return layout.keys;
  }
}

/** Whether rows behind the head may have names that it doesn't show. */
const mayHaveMore = ({ format }: Layout): boolean => format === 'json' || format === 'jsonl';

/**
 * The input's columns: what the job declares, and what the objects have besides, in the order in which it is found. Names are the same but for case,
 * as in SQL; a declared name is spelled as the job does, another as the first object does.
 * @param learned the types that the heads show
 * @throws FanlakeError `query.column` for a declared column that no object has
 */
export function inputColumns(job: Job, layouts: readonly Layout[], learned: readonly Column[]): readonly InputColumn[] {
  const declared = Object.entries(job.input.columns ?? {});
  const known = layouts.flatMap(namesOf);
  if (layouts.length > 0 && known.length > 0 && !layouts.some(mayHaveMore)) refuseUnknown(job, known);
  const spelled = new Map<string, string>();
  for (const name of [...learned.map((column) => column.name), ...known, ...declared.map(([name]) => name)]) {
    if (!spelled.has(name.toLowerCase())) spelled.set(name.toLowerCase(), name);
  }
  const declaredTypes = new Map(declared.map(([name, type]) => [name.toLowerCase(), { name, type }]));
  const learnedTypes = new Map(learned.map(({ name, type }) => [name.toLowerCase(), type]));
  return [...spelled].map(([key, name]) => {
    const said = declaredTypes.get(key);
    if (said !== undefined) return { ...said, declared: true };
    return { name, type: learnedTypes.get(key) ?? 'VARCHAR', declared: false };
  });
}

function refuseUnknown(job: Job, known: readonly string[]): void {
  const found = new Set(known.map((name) => name.toLowerCase()));
  const missing = Object.keys(job.input.columns ?? {}).filter((name) => !found.has(name.toLowerCase()));
  const [first] = missing;
  if (first === undefined) return;
  const names = [...new Set(known)];
  throw new FanlakeError(
    'query.column',
    `Job '${job.name}' declares the column '${first}'${didYouMean(first, names)}, and no object has it; they have ${names.join(', ')}. Mend input.columns.`,
    { missing, found: names },
  );
}

/** Whether the job declares every column that an object shows, so that no type is to be learned. */
export function declaresAll(job: Job, layout: Layout): boolean {
  const declared = job.input.columns;
  if (declared === undefined) return false;
  const names = new Set(Object.keys(declared).map((name) => name.toLowerCase()));
  // what a JSON object has besides the declared columns is not asked for
  return mayHaveMore(layout) || namesOf(layout).every((name) => names.has(name.toLowerCase()));
}
