import { FanlakeError } from '../core/errors.ts';
import type { Column } from '../core/layout.ts';

/** What one object's rows showed. */
export interface Sample {
  readonly key: string;
  readonly columns: readonly Column[];
}

/** A column that two objects have with types that only text holds both of. */
export interface TypeClash {
  readonly name: string;
  readonly found: readonly [first: Found, other: Found];
}

interface Found {
  readonly key: string;
  readonly type: string;
}

/**
 * Columns that are read as text since objects disagree.
 * @param learned one list of columns for all samples
 */
export function typeClashes(samples: readonly Sample[], learned: readonly Column[]): readonly TypeClash[] {
  return learned.flatMap(({ name, type }) => {
    if (type !== 'VARCHAR') return [];
    const found = samples.flatMap(({ key, columns }) => {
      const column = columns.find((one) => one.name.toLowerCase() === name.toLowerCase());
      return column === undefined ? [] : [{ key, type: column.type }];
    });
    const [first] = found;
    const other = found.find((one) => one.type !== first?.type);
    return first === undefined || other === undefined ? [] : [{ name, found: [first, other] as const }];
  });
}

/** An error of a query, with where the types come from of a column that it names and that objects disagree about. */
export function withClash(thrown: unknown, sql: string, clashes: readonly TypeClash[]): unknown {
  if (!(thrown instanceof FanlakeError) || !['query.function', 'query.failed'].includes(thrown.code)) return thrown;
  const clash = clashes.find(({ name }) => sql.toLowerCase().includes(name.toLowerCase()));
  if (clash === undefined) return thrown;
  const { name, found } = clash;
  const [first, other] = found.map(({ key, type }) => `${type} in ${key}`);
  const message = `${thrown.message}\nColumn '${name}' is ${first} and ${other}, so it is read as VARCHAR. Cast it in the query, or say its type in input.columns.`;
  return new FanlakeError(thrown.code, message, { ...thrown.details, clash }, thrown);
}
