import type { Column } from '../layout.ts';
import type { MergeStep, PartColumn, RowOrder, StagedQuery } from '../staged-query.ts';
import { hasSortKey } from './has-sort-key.ts';
import type { Relation, SqlBinder } from './sql-binder.ts';
import { handedOnType } from './stored-type.ts';
import type { Branch } from './union-stages.ts';

/** The column of rows that were folded into fewer: how many of them a row stands for. */
export const rowCount = '_n';

/** How rows go from the tasks of one stage to those of the next. */
export interface Exchange {
  /** Columns of `rows` by whose hash they are distributed; none: all meet in one task. */
  readonly keys: readonly string[];
  /** Of `merged`; tasks share it where they may and the types of its columns allow it. */
  readonly order?: RowOrder;
  /** A SELECT over a relation of that name: what a task hands on. */
  readonly rows: (relation: string) => string;
  /** A SELECT over `parts` that gives the same columns in fewer rows; null where none can. */
  readonly combine: string | null;
  /** A SELECT over `parts`: what the next stage's tasks make of them. */
  readonly merged: string;
  /** Whether each row becomes one row of `rows`. */
  readonly rowByRow: boolean;
  /** The column of `rows` whose sum is their number. */
  readonly counted: string | null;
}

/** An order that tasks share only where one sort key tells it. */
function orderOver({ by, isShared }: RowOrder, columns: readonly Column[]): RowOrder {
  const hasKey = by.every((key) => columns.some(({ name, type }) => name === key.name && hasSortKey(type)));
  return { by, isShared: isShared && hasKey };
}

/**
 * Builds a query's stages from the input on: at each moment there is one relation, which is the answer of what was built so far, as a SELECT over `input` or
 * `parts`.
 */
export class StageBuilder {
  private readonly binder: SqlBinder;
  private source: Relation;
  private current: string;
  private depth = 0;
  private map: StagedQuery['map'] | null = null;
  private readonly steps: MergeStep[] = [];

  /** @param input its columns, with the virtual ones that the query names */
  constructor(binder: SqlBinder, input: readonly Column[]) {
    this.binder = binder;
    this.source = { name: 'input', columns: input };
    this.current = 'SELECT * FROM input';
  }

  /** Makes the current relation the answer of a SELECT over it; `write` gets the name that it goes by there. */
  async select(write: (relation: string) => string | Promise<string>): Promise<void> {
    // the map stage's own query stands directly over `input`
    if (this.depth === 0 && this.map === null) this.current = await write('input');
    else {
      const name = `_r${this.depth}`;
      const text = await write(name);
      this.current = `WITH ${name} AS (${this.current}) ${text.startsWith('WITH') ? `SELECT * FROM (${text})` : text}`;
    }
    this.depth += 1;
  }

  /** Names and types of the current relation's columns. */
  columns(): Promise<readonly Column[]> {
    return this.binder.describe(this.current, this.source);
  }

  /** Ends the stage: its tasks hand their rows on, and the current relation is what the next one's make of them. */
  async exchange({ keys, order, rows, combine, merged, rowByRow, counted }: Exchange, isInputRowByRow: boolean): Promise<void> {
    await this.select(rows);
    const columns = (await this.columns()).map((column): PartColumn => ({ ...column, stored: handedOnType(column.type) }));
    // what UNNEST or a join has multiplied tells no number of input rows
    this.close(this.map === null && isInputRowByRow ? { rowwise: rowByRow, counted } : { rowwise: false, counted: null });
    this.steps.push({ columns, keys, ...(order === undefined ? {} : { order: orderOver(order, columns) }), combine, sql: merged });
    this.source = { name: 'parts', columns };
    this.current = merged;
  }

  /** The stages, when the current relation is the query's answer. Null where there is but the map stage. */
  finish(): StagedQuery | null {
    if (this.map === null) return null;
    this.close({ rowwise: false, counted: null });
    return { map: this.map, steps: this.steps };
  }

  /** The stages so far, as those of a branch of UNION ALL. */
  branch(): Branch {
    this.close({ rowwise: false, counted: null });
    return { map: this.map?.sql ?? this.current, steps: this.steps };
  }

  /** Makes a union of branches the current relation, in the place of the input. */
  become({ map, steps }: Branch): void {
    const last = steps.at(-1);
    this.depth = 1;
    this.current = last?.sql ?? map;
    if (last === undefined) return;
    // which rows of the input passed is told by no one count
    this.map = { sql: map, rowwise: false, counted: null };
    this.steps.push(...steps);
    this.source = { name: 'parts', columns: last.columns };
  }

  private close(counting: Omit<StagedQuery['map'], 'sql'>): void {
    const last = this.steps.at(-1);
    if (last === undefined) this.map = { sql: this.current, ...counting };
    else this.steps[this.steps.length - 1] = { ...last, sql: this.current };
  }
}
