import type { BoundQuery } from '../../functions/core/query.ts';
import type { MergeStep, StagedQuery } from '../../functions/core/staged-query.ts';

/** What jobs ask for. All but `lines` look at several rows at once, so that several tasks need merge stages. */
export const queries = {
  lines: 'SELECT line FROM input',
  /** One merge stage, whose tasks share the lines by their hash; parts can be combined. */
  distinct: 'SELECT DISTINCT line FROM input',
  /** Two: behind that tasks share the order of the lines. */
  sorted: 'SELECT DISTINCT line FROM input ORDER BY line',
  /** One stage of one task; a row also where there is no line. */
  count: 'SELECT count(*) FROM input',
} as const;

export type QueryKind = keyof typeof queries;

/** The kind of a job's query. */
export function queryKind(sql: string): QueryKind {
  const found = (Object.keys(queries) as readonly QueryKind[]).find((kind) => queries[kind] === sql);
  if (found === undefined) throw new Error(`no query of the simulation: ${sql}`);
  return found;
}

const step = (keys: readonly string[], combine: string | null): MergeStep => ({
  columns: [{ name: 'line', type: 'VARCHAR', stored: 'VARCHAR' }],
  keys,
  combine,
  sql: 'simulated',
});

const stepsOf: Readonly<Record<Exclude<QueryKind, 'lines'>, readonly MergeStep[]>> = {
  distinct: [step(['line'], 'simulated')],
  sorted: [
    step(['line'], 'simulated'),
    { ...step([], null), order: { by: [{ name: 'line', descending: false, nullsFirst: false }], isShared: true } },
  ],
  count: [step([], null)],
};

/** As the engine binds it. */
export function boundQuery(sql: string): BoundQuery {
  const kind = queryKind(sql);
  const staged: StagedQuery | null =
    kind === 'lines' ? null : { map: { sql: 'simulated', rowwise: true, counted: null }, steps: stepsOf[kind] };
  return {
    sql,
    output: [{ name: 'line', type: 'VARCHAR' }],
    rowwise: staged === null,
    reason: staged === null ? null : 'looks at several rows at once',
    reads: ['line'],
    passThrough: staged === null ? { line: 'line' } : {},
    changesRowCount: false,
    filters: false,
    staged,
  };
}

/** The row that tells how many lines a run has. */
export const countRow = (run: string, lines: number): string => `${run} has ${lines} lines`;
