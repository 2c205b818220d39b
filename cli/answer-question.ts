import { FanlakeError } from '../functions/core/errors.ts';
import type { Column } from '../functions/core/layout.ts';
import type { Plan } from '../functions/core/plan.ts';
import type { Receipt } from '../functions/core/receipt.ts';
import { identifier } from '../functions/engine/sql-text.ts';
import { readPlan } from '../functions/protocol/documents.ts';
import { exactJson } from './exact-json.ts';
import { exitCodeOfReceipt } from './exit-code.ts';
import type { Home } from './local/home.ts';
import { queryAt } from './query-at.ts';
import { renderCsv } from './render/csv.ts';
import { renderError } from './render/error.ts';
import { counted } from './render/numbers.ts';
import { howToSetAside } from './render/receipt.ts';
import { type Rows, renderRows } from './render/rows.ts';
import type { Answer, Shell } from './shell.ts';
import type { Stack } from './stack/stack.ts';
import { readTable } from './store/table-files.ts';

export interface ShownAs {
  /** Most rows; undefined: all. */
  readonly limit: number | undefined;
  readonly as: 'table' | 'csv';
}

/** What `run --json` says of a question besides its receipt. */
interface Result {
  readonly columns: readonly Column[];
  /** Values by column, as `query --json` has them. */
  readonly rows: readonly (readonly unknown[])[];
  readonly more: boolean;
}

/**
 * The answer of a question whose run has ended, read from the table that the run wrote: in the order that the query asks for, with the query's own names and types.
 * @param place where the run was: a home that it has for itself, or a stack
 * @throws FanlakeError `store.failed`, `input.corrupt`
 */
export async function answerQuestion(receipt: Receipt, place: Home | Stack, shell: Shell, { limit, as }: ShownAs): Promise<Answer> {
  const { style } = shell;
  const exitCode = exitCodeOfReceipt(receipt);
  // where it was is gone by then, or nobody's
  const shown = { ...receipt, table: { ...receipt.table, path: '' } };
  if (receipt.outcome !== 'COMMITTED') {
    const { error } = receipt;
    const note = error === null ? undefined : [renderError(error, style), ...howToSetAside(error.code)].join('\n');
    return { exitCode, json: { ...shown, result: null }, text: '', note };
  }
  const rows = await rowsOf(receipt, place, shell, limit);
  const text = as === 'csv' ? renderCsv(rows) : renderRows(rows, style);
  return { exitCode, json: { ...shown, result: resultOf(rows) }, text, note: warningOf(receipt) };
}

async function rowsOf(receipt: Receipt, place: Home | Stack, shell: Shell, limit: number | undefined): Promise<Rows> {
  const { work, lake } = place.stores;
  const plan = await readPlan(work, receipt);
  if (plan === null)
    throw new FanlakeError('store.failed', `The plan of the question went from ${work.locate('')} while it was answered. Ask it again.`);
  const { key } = plan.table;
  const stored = await readTable(lake, { name: 'answer', key });
  if (stored === null) return { columns: plan.query.output, rows: [], more: false };
  return queryAt(place, shell, [stored], selectOf(plan), limit);
}

/** All rows as they lie there, under the names and types that the query gives them. */
function selectOf({ query, table }: Plan): string {
  const items = query.output.map(({ name, type }, index) => {
    const column = identifier(table.columns[index]?.name ?? name);
    return `CAST(${column} AS ${type}) AS ${identifier(name)}`;
  });
  return `SELECT ${items.join(', ')} FROM answer`;
}

function resultOf({ columns, rows, more }: Rows): Result {
  const exact = columns.map(({ type }) => exactJson(type));
  return { columns, rows: rows.map((row) => row.map((value, index) => exact[index]?.(value) ?? null)), more };
}

/** What of the input the answer is without. */
function warningOf({ rows: { quarantined }, ignored, unchecked }: Receipt): string | undefined {
  const lines: string[] = [];
  if (quarantined > 0)
    lines.push(`warning: ${counted(quarantined, 'row')} that can't be taken ${quarantined === 1 ? 'is' : 'are'} not in the answer.`);
  if (ignored.values > 0)
    lines.push(`warning: ${counted(ignored.values, 'value')} of JSON not read: no column holds their keys (--json names them).`);
  if (unchecked > 0) lines.push(`warning: the compressed input of ${counted(unchecked, 'task')} carries no checksum.`);
  return lines.length === 0 ? undefined : lines.join('\n');
}
