import type { ErrorCode } from '../../functions/core/errors.ts';
import { mostIgnoredKeys } from '../../functions/core/ignored-keys.ts';
import type { MissingRange, Receipt } from '../../functions/core/receipt.ts';
import { harmless, renderError } from './error.ts';
import { bytes, count, counted, duration, moment, rate } from './numbers.ts';
import { shellWord } from './shell-word.ts';
import { shortPath } from './short-path.ts';
import type { Style } from './style.ts';

const shownRanges = 10;
const shownKeys = 10;

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
  /** Whether the command that shows it takes `--max-bad-rows`. */
  readonly takesBadRows?: boolean;
  /** Whether a deployed stack works on it, without a command. */
  readonly isOnStack?: boolean;
}

/** What may go away by itself, or be mended while job and input stay as the plan pinned them: only then a retry can end otherwise. */
const mendableGroups = ['store', 'task', 'run'];
const mendableCodes: readonly ErrorCode[] = ['input.gone', 'input.denied', 'internal'];

const isMendable = (code: ErrorCode): boolean => mendableCodes.includes(code) || mendableGroups.includes(code.split('.')[0] ?? '');

/** Ended without a commit: this try put nothing into the table. Of one code just that isn't known, and its message says what to do. */
const isUndone = ({ outcome, error }: Receipt): boolean =>
  (outcome === 'FAILED' && error?.code !== 'commit.unknown') || outcome === 'CANCELLED';

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
  // an earlier try may have been committed in part
  const untouched = isUndone(receipt) && receipt.epoch === 0 ? ': untouched' : '';
  const lines: Line[] = [['table', `${harmless(shortPath(table.path, currentFolder))} (${table.format}${version})${untouched}`]];
  const from = objectsLine(receipt, currentFolder);
  if (from !== null) lines.push(['from', from]);
  if (tasks.planned > 0) {
    // a task that failed tells no figures: where none is done, zeros would say that nothing was read
    if (tasks.done > 0) lines.push(['rows', rowsLine(receipt)]);
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

/** The first objects by their keys; null in a receipt of an older version. */
function objectsLine({ objects }: Partial<Pick<Receipt, 'objects'>>, currentFolder: string): string | null {
  if (objects === undefined || objects.first.length === 0) return null;
  const more = objects.total > objects.first.length ? `, and ${count(objects.total - objects.first.length)} more` : '';
  return `${objects.first.map((key) => harmless(key.startsWith('/') ? shortPath(key, currentFolder) : key)).join(', ')}${more}`;
}

function rowsLine(receipt: Receipt): string {
  const { rows } = receipt;
  const sum = `${count(rows.read)} read = ${count(rows.passed)} passed + ${count(rows.filtered)} filtered + ${count(rows.quarantined)} quarantined`;
  return isUndone(receipt) ? `${sum}, none kept` : sum;
}

function inputLine({ bytes: { input, covered }, tasks }: Receipt): string {
  if (tasks.done === 0) return bytes(input);
  return covered === input ? `${bytes(input)}, all of it covered` : `${bytes(input)}, ${bytes(covered)} of it covered`;
}

function advice(receipt: Receipt, style: Style, { endedMs, takesBadRows = false, isOnStack = false }: ReceiptNotes): readonly string[] {
  const { run, outcome, state } = receipt;
  const lines: string[] = [];
  const warn = (text: string) => lines.push(`${style.paint('yellow', 'warning:')} ${text}`);
  if (receipt.unchecked > 0) {
    warn(
      `the compressed input of ${counted(receipt.unchecked, 'task')} carries no checksum: that nothing in it was damaged can't be proven.`,
    );
  }
  lines.push(...ignoredLines(receipt, style));
  if (receipt.rows.quarantined > 0 || receipt.quarantine.length > 0) {
    lines.push(`${isUndone(receipt) ? "The rows that can't be taken" : 'The rows set aside'}: fanlake quarantine ${run}`);
  }
  if (outcome === 'ALREADY_COMMITTED') {
    const when = endedMs === undefined ? 'before' : `at ${moment(endedMs)}`;
    lines.push(
      `These objects were loaded by this run ${when}; nothing was done now. To load them once more: the same command with --again`,
    );
  } else if (outcome === 'PARTIAL') {
    lines.push(...missingLines(receipt.missing), `To load what is missing: fanlake retry ${run}`);
  } else if (outcome === 'FAILED' && isUndone(receipt)) {
    lines.push(...failedLines(receipt, takesBadRows, isOnStack));
  } else if (outcome === 'CANCELLED') {
    const again = receipt.epoch === 0 ? 'the same command with --again, or: ' : '';
    const kept = receipt.epoch === 0 ? '' : ' What earlier tries put into the table stays there.';
    lines.push(`The run was cancelled.${kept} To load the same objects after all: ${again}fanlake retry ${run}`);
  } else if (outcome === null && state !== 'ended') {
    const whether = isOnStack
      ? 'The stack goes on with it by itself. Should nothing move for long'
      : 'Is no command working on it? Go on with';
    lines.push(`${whether}: fanlake retry ${run}`);
  }
  return lines;
}

/** What of the input no column holds; null in a receipt of an older version. */
function ignoredLines({ ignored }: Partial<Pick<Receipt, 'ignored'>>, style: Style): readonly string[] {
  if (ignored === undefined || ignored.values === 0) return [];
  const { values, keys } = ignored;
  const most = [...keys].sort((a, b) => b.values - a.values).slice(0, shownKeys);
  const more =
    keys.length > shownKeys ? `, and ${count(keys.length - shownKeys)}${keys.length < mostIgnoredKeys ? '' : ' or more'} other keys` : '';
  const named = most.map(({ key, values: found }) => `${harmless(key)} (${count(found)})`).join(', ');
  return [
    `${style.paint('yellow', 'warning:')} ${counted(values, 'value')} of JSON ${values === 1 ? 'was' : 'were'} not read, because no column holds their keys: ${named}${more}`,
    "To read them, declare the columns (a job's input.columns) and load the objects once more; a struct with all its fields, or as JSON.",
  ];
}

/** What to type after an error of this code where the command takes `--max-bad-rows`. */
export const howToSetAside = (code: string | undefined): readonly string[] =>
  code === 'rows.bad' ? ['To set such rows aside: the same command with --max-bad-rows <n>'] : [];

function failedLines(receipt: Receipt, takesBadRows: boolean, isOnStack: boolean): readonly string[] {
  const { run, epoch, error, tasks } = receipt;
  const setAside = takesBadRows ? howToSetAside(error?.code) : [];
  // an input that couldn't be planned has no tasks that a retry could repeat
  const retry = error !== null && isMendable(error.code) && tasks.planned > 0 ? `, or: fanlake retry ${run}` : '.';
  // an earlier try may have been committed in part
  const what = epoch === 0 ? 'run' : 'try';
  return [
    ...setAside,
    `Nothing of this ${what} is in the table. When the cause is mended, ${isOnStack ? againOnStack(receipt) : 'run the same command again'}${retry}`,
  ];
}

/** Nobody has typed a command for an upload: this is the one. */
function againOnStack({ job, objects }: Receipt): string {
  const [only] = objects.first;
  return only === undefined || objects.total > 1
    ? 'run its job over the input again'
    : `type: fanlake run ${job} --input ${shellWord(only)}`;
}

function missingLines(missing: readonly MissingRange[]): readonly string[] {
  const shown = missing.slice(0, shownRanges).map(({ key, start, end }) => `  ${harmless(key)} bytes [${count(start)}, ${count(end)})`);
  const more = missing.length > shownRanges ? [`  and ${counted(missing.length - shownRanges, 'more range')}`] : [];
  return [`Missing in the table:`, ...shown, ...more];
}
