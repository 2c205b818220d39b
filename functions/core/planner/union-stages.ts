import type { MergeStep, PartColumn } from '../staged-query.ts';
import { handedOnType } from './stored-type.ts';

/** The stages of one branch of UNION ALL: what map tasks run, and the steps behind it. Its answer has the columns `c0`, `c1`... */
export interface Branch {
  readonly map: string;
  readonly steps: readonly MergeStep[];
}

/** Tells which branch a row is of. */
const tag: PartColumn = { name: '_branch', type: 'TINYINT', stored: 'TINYINT' };

/**
 * The stages in which all branches are answered at once: each stage hands on the rows of all of them, told apart by a tag and in columns of their own.
 * @param types of the answer
 */
export function unionStages(branches: readonly Branch[], types: readonly string[]): Branch {
  const answer = types.map((type, index): PartColumn => ({ name: `c${index}`, type, stored: handedOnType(type) }));
  const depth = Math.max(...branches.map(({ steps }) => steps.length));
  const columnsAt = (branch: Branch, step: number): readonly PartColumn[] => branch.steps[step]?.columns ?? answer;
  /** SELECTs of the branches as one, which gives the columns of a step, or the answer. */
  const together = (step: number, sqlOf: (branch: Branch, index: number) => string): string => {
    const isAnswer = step === depth;
    const selects = branches.map((branch, index) => {
      const isOver = step >= branch.steps.length;
      const list = columnsAt(branch, step).map(({ name, type }) => {
        const value = isOver ? `CAST(${name} AS ${type})` : name;
        return `${value} AS ${isAnswer ? name : own(index, name)}`;
      });
      return `SELECT ${[...(isAnswer ? [] : [`${index}::TINYINT AS ${tag.name}`]), ...list].join(', ')} FROM (${sqlOf(branch, index)})`;
    });
    return selects.join(isAnswer ? ' UNION ALL ' : ' UNION ALL BY NAME ');
  };
  /** A branch's SQL over its own rows among those that were handed on. */
  const overOwn = (branch: Branch, index: number, step: number, sql: string): string => {
    const list = columnsAt(branch, step).map(({ name }) => `${own(index, name)} AS ${name}`);
    return `WITH parts AS (SELECT ${list.join(', ')} FROM _all WHERE ${tag.name} = ${index}) SELECT * FROM (${sql})`;
  };
  const steps = Array.from({ length: depth }, (_, step): MergeStep => {
    const merging = branches.flatMap((branch, index) =>
      step < branch.steps.length ? [{ index, ...(branch.steps[step] as MergeStep) }] : [],
    );
    const canCombine = merging.length === branches.length && merging.every(({ combine }) => combine !== null);
    const sql = (to: number, of: (own: MergeStep) => string | null): string => {
      const all = together(to, (branch, index) => {
        const mine = branch.steps[step];
        return overOwn(branch, index, step, (mine === undefined ? null : of(mine)) ?? 'SELECT * FROM parts');
      });
      return `WITH _all AS (SELECT * FROM parts) SELECT * FROM (${all})`;
    };
    return {
      columns: [
        tag,
        ...branches.flatMap((branch, index) => columnsAt(branch, step).map((column) => ({ ...column, name: own(index, column.name) }))),
      ],
      // rows of a branch that must all meet do so in the task that takes all rows
      keys: merging.some(({ keys }) => keys.length === 0)
        ? []
        : [tag.name, ...merging.flatMap(({ index, keys }) => keys.map((key) => own(index, key)))],
      combine: canCombine ? sql(step, ({ combine }) => combine) : null,
      sql: sql(step + 1, (mine) => mine.sql),
    };
  });
  return { map: together(0, ({ map }) => map), steps };
}

const own = (branch: number, column: string): string => `b${branch}_${column}`;
