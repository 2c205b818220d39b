import { FanlakeError } from '../core/errors.ts';
import type { Job } from '../core/job.ts';
import type { Column, Layout } from '../core/layout.ts';
import { didYouMean } from '../core/nearest.ts';

/** The names that an object of this layout has; null where only its rows tell (JSON). */
function namesOf(layout: Layout): readonly string[] | null {
  if (layout.format === 'csv') return layout.fields;
  if (layout.format === 'parquet') return layout.columns.map(({ name }) => name);
  return layout.format === 'text' ? ['line'] : null;
}

/**
 * The input's columns: what the job declares, then what the objects have besides, in the order in which it is found.
 * @param learned the types that the heads show
 * @throws FanlakeError `query.column` for a declared column that no object has
 */
export function inputColumns(job: Job, layouts: readonly Layout[], learned: readonly Column[]): readonly Column[] {
  const declared = job.input.columns ?? {};
  const names = layouts.map(namesOf);
  const known = new Set(names.flatMap((found) => found ?? []));
  const missing = Object.keys(declared).filter((name) => !known.has(name));
  const first = missing[0];
  if (first !== undefined && layouts.length > 0 && !names.includes(null) && known.size > 0) {
    throw new FanlakeError(
      'query.column',
      `Job '${job.name}' declares the column '${first}'${didYouMean(first, [...known])}, and no object has it; they have ${[...known].join(', ')}. Mend input.columns.`,
      { missing, found: [...known] },
    );
  }
  const types = new Map(learned.map(({ name, type }) => [name, type]));
  const ordered = new Set([...learned.map(({ name }) => name), ...known, ...Object.keys(declared)]);
  return [...ordered].map((name) => ({ name, type: declared[name] ?? types.get(name) ?? 'VARCHAR' }));
}

/** Whether the job declares every column of an object, so that no type is to be learned. */
export function declaresAll(job: Job, layout: Layout): boolean {
  const declared = job.input.columns;
  if (declared === undefined) return false;
  const names = namesOf(layout);
  // what a JSON object has besides the declared columns is not asked for
  return names === null || names.every((name) => Object.hasOwn(declared, name));
}
