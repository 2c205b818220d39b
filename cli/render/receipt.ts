import type { MissingRange, Receipt } from '../../functions/core/receipt.ts';
import { harmless, renderError } from './error.ts';
import { bytes, count, counted, duration, moment, rate } from './numbers.ts';
import { shortPath } from './short-path.ts';
import type { Style } from './style.ts';

const shownRanges = 10;

const looks = {
  COMMITTED: 'green',
  ALREADY_COMMITTED: 'green',
  PARTIAL: 'yellow',
  FAILED: 'red',
  CANCELLED: 'yellow',
} as const;

export interface ReceiptNotes {
  /** Paths in it are shown from there. */
  readonly currentFolder: string;
  /** When it was decided, where that is known. */
  readonly endedMs?: number | undefined;
}

type Line = readonly [label: string, text: string];

/** A receipt as a person reads it: what became of the run, where the rows are, that the figures add up, what to type next. */
export function renderReceipt(receipt: Receipt, style: Style, notes: ReceiptNotes): string {
  const { outcome, state, run, error } = receipt;
  const word = outcome === null ? style.paint('cyan', state.toUpperCase()) : style.paint(looks[outcome], style.paint('bold', outcome));
  const epoch = receipt.epoch === 0 ? '' : style.paint('dim', ` (try ${receipt.epoch + 1})`);
  const lines = linesOf(receipt, notes.currentFolder).map(([label, text]) => `  ${style.paint('dim', label.padEnd(11))}${text}`);
  const parts = [`${word}  ${run}${epoch}`, ...lines];
  if (error !== null) parts.push(renderError(error, style));
  parts.push(...advice(receipt, style, notes));
  return parts.join('\n');
}

function linesOf(receipt: Receipt, currentFolder: string): readonly Line[] {
  const { table, rows, tasks, seconds, state } = receipt;
  const version = table.version === null ? '' : `, version ${table.version}`;
  const lines: Line[] = [['table', `${harmless(shortPath(table.path, currentFolder))} (${table.format}${version})`]];
  if (tasks.planned > 0) {
    lines.push(['rows', rowsLine(receipt)]);
    lines.push(['input', inputLine(receipt)]);
  }
  if (table.files > 0) lines.push(['written', `${counted(rows.written, 'row')} in ${counted(table.files, 'file')}, ${bytes(table.bytes)}`]);
  const failed = tasks.failed > 0 ? `, ${count(tasks.failed)} failed` : '';
  const attempts = tasks.attempts > tasks.done + tasks.failed ? `, ${counted(tasks.attempts, 'attempt')}` : '';
  if (tasks.planned > 0) lines.push(['tasks', `${count(tasks.done)} of ${count(tasks.planned)} done${failed}${attempts}`]);
  if (state === 'ended') {
    const speed = rows.read > 0 && seconds > 0 ? `, ${rate(rows.read, seconds)}` : '';
    lines.push(['took', `${duration(seconds)}${speed}`]);
  }
  return lines;
}

function rowsLine({ rows }: Receipt): string {
  return `${count(rows.read)} read = ${count(rows.passed)} passed + ${count(rows.filtered)} filtered + ${count(rows.quarantined)} quarantined`;
}

function inputLine({ bytes: { input, covered } }: Receipt): string {
  return covered === input ? `${bytes(input)}, all of it covered` : `${bytes(input)}, ${bytes(covered)} of it covered`;
}

function advice(receipt: Receipt, style: Style, { endedMs }: ReceiptNotes): readonly string[] {
  const { run, outcome, state } = receipt;
  const lines: string[] = [];
  const warn = (text: string) => lines.push(`${style.paint('yellow', 'warning:')} ${text}`);
  if (receipt.unchecked > 0) {
    warn(
      `the compressed input of ${counted(receipt.unchecked, 'task')} carries no checksum: that nothing in it was damaged can't be proven.`,
    );
  }
  if (receipt.rows.quarantined > 0 || receipt.quarantine.length > 0) lines.push(`The rows set aside: fanlake quarantine ${run}`);
  if (outcome === 'ALREADY_COMMITTED') {
    const when = endedMs === undefined ? 'before' : `at ${moment(endedMs)}`;
    lines.push(`These objects were loaded by this run ${when}; nothing was done now. To load them once more: --again`);
  } else if (outcome === 'PARTIAL') {
    lines.push(...missingLines(receipt.missing), `To load what is missing: fanlake retry ${run}`);
  } else if (outcome === 'FAILED') {
    // an input that couldn't be planned has no tasks that a retry could repeat
    const retry = receipt.tasks.planned > 0 ? `, or: fanlake retry ${run}` : '.';
    lines.push(`Nothing of this run is in the table. When the cause is mended, run the same command again${retry}`);
  } else if (outcome === 'CANCELLED') {
    lines.push('The run was cancelled and nothing of it is in the table. To load the same objects after all: --again');
  } else if (outcome === null && state !== 'ended') {
    lines.push(`Is no command working on it? Go on with: fanlake retry ${run}`);
  }
  return lines;
}

function missingLines(missing: readonly MissingRange[]): readonly string[] {
  const shown = missing.slice(0, shownRanges).map(({ key, start, end }) => `  ${harmless(key)} bytes [${count(start)}, ${count(end)})`);
  const more = missing.length > shownRanges ? [`  and ${counted(missing.length - shownRanges, 'more range')}`] : [];
  return [`Missing in the table:`, ...shown, ...more];
}
