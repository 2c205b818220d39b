import { resolve } from 'node:path';
import { Command } from 'commander';
import { FanlakeError } from '../../functions/core/errors.ts';
import type { Receipt } from '../../functions/core/receipt.ts';
import { inOrder, readOwnPlan } from '../../functions/protocol/documents.ts';
import { lookUpRun } from '../../functions/protocol/look-up-run.ts';
import { atPlace, type PlaceOptions } from '../at-place.ts';
import { exitCodes } from '../exit-code.ts';
import { harmless } from '../render/error.ts';
import { count, counted, duration, shortMoment } from '../render/numbers.ts';
import { renderReceipt } from '../render/receipt.ts';
import { shortPath } from '../render/short-path.ts';
import { renderStages } from '../render/stage-standing.ts';
import { renderTable, type ShownColumn } from '../render/table.ts';
import type { Shell } from '../shell.ts';
import { shownReceipt } from '../shown-receipt.ts';
import { findRun, knownRuns, receiptNow } from '../store/find-run.ts';
import type { Place } from '../store/place.ts';
import { stagesNow } from '../store/stage-standing.ts';

interface StatusOptions extends PlaceOptions {
  readonly all?: boolean;
  readonly json?: boolean;
}

const shownRuns = 20;
const shownDigits = 8;

const help = `
Examples:
  fanlake status
  fanlake status bird-strikes-3f9c --json
  fanlake status --stack lake

Without a run: the newest ones, each with the moment it was planned, rows in the table, and time to its end.
Ends with 0 whatever became of the run, with 2 when there is no such run.`;

/** `fanlake status [run]`: runs and where they stand, from the store alone. */
export function statusCommand(shell: Shell): Command {
  return new Command('status')
    .description('runs and where they stand')
    .argument('[run]', "a run's id, or its beginning: shows its receipt")
    .option('--all', `all runs, not only the newest ${shownRuns}`)
    .addHelpText('after', help)
    .action((id: string | undefined, options: StatusOptions) =>
      atPlace(shell, options, (place, speaking) =>
        id === undefined ? listRuns(speaking, place, options) : showRun(speaking, place, id, options),
      ),
    );
}

async function showRun(shell: Shell, place: Place, id: string, options: StatusOptions): Promise<void> {
  const found = await findRun(place, id, readOwnPlan);
  const { currentFolder } = shell;
  const receipt = shownReceipt(await receiptNow(place, found), { place, table: found.table, currentFolder });
  const stages = await stagesNow(place, found);
  const text = renderReceipt(receipt, shell.style, { currentFolder, isOnStack: place.stack !== null });
  const answer =
    stages === null ? { json: receipt, text } : { json: { ...receipt, stages }, text: `${text}\n\n${renderStages(stages, shell.style)}` };
  shell.answer({ exitCode: exitCodes.ok, ...answer }, options.json === true);
}

interface ListedRun {
  readonly receipt: Receipt;
  readonly startedMs: number | null;
}

async function listRuns(shell: Shell, place: Place, options: StatusOptions): Promise<void> {
  const known = [...(await knownRuns(place))];
  const wanted = options.all === true ? known : known.slice(0, shownRuns);
  const listed = (await inOrder(wanted, ([run, table]) => standing(shell, place, table, run))).filter(
    (found): found is ListedRun => found !== null,
  );
  const json = { runs: listed.map(({ receipt }) => receipt), total: known.length };
  shell.answer(
    {
      exitCode: exitCodes.ok,
      json,
      text: renderRuns(
        shell,
        place,
        listed,
        known.map(([run]) => run),
      ),
    },
    options.json === true,
  );
}

/** Null for a run of which nothing is left but its name. */
async function standing({ currentFolder }: Shell, place: Place, table: string, run: string): Promise<ListedRun | null> {
  const found = await lookUpRun(place.stores, table, run, readOwnPlan);
  if (found === null) return null;
  try {
    const receipt = shownReceipt(await receiptNow(place, found), { place, table, currentFolder });
    return { receipt, startedMs: found.plan?.createdMs ?? null };
  } catch (thrown) {
    if (thrown instanceof FanlakeError && thrown.code === 'run.unknown') return null;
    throw thrown;
  }
}

function renderRuns(shell: Shell, { name, stack, stores }: Place, listed: readonly ListedRun[], known: readonly string[]): string {
  const total = known.length;
  if (total === 0) {
    const first =
      stack === null
        ? 'Load something: fanlake run --query "SELECT * FROM input" --table <name> --input <file>'
        : `Upload a file: aws s3 cp <file> ${stores.landing.locate('<prefix of a job>')}`;
    return `No runs in ${name} yet. ${first}`;
  }
  // a column that says nothing takes no room
  const setAside = listed.some(({ receipt }) => receipt.rows.quarantined > 0);
  const columns: readonly ShownColumn[] = [
    { name: 'run', whole: true },
    { name: 'state', whole: true },
    { name: 'planned', whole: true },
    { name: 'rows', align: 'right' },
    ...(setAside ? [{ name: 'set aside', align: 'right' } as const] : []),
    { name: 'took', align: 'right' },
    { name: 'table' },
    { name: 'from' },
  ];
  const rows = listed.map(({ receipt, startedMs }) => [
    shell.style.columns === null ? receipt.run : shortId(receipt.run, known),
    stateOf(receipt),
    startedMs === null ? '' : shortMoment(startedMs, Date.now()),
    count(receipt.rows.written),
    ...(setAside ? [count(receipt.rows.quarantined)] : []),
    receipt.outcome === null ? '' : duration(receipt.seconds),
    tablePlace(shell, stores.lake.locate(''), receipt),
    fromOf(receipt, shell.currentFolder),
  ]);
  const more = total > listed.length ? `\n${counted(total - listed.length, 'more run')}: --all` : '';
  return renderTable(columns, rows, shell.style) + more;
}

/** How a run ended or stands, with why it failed. */
function stateOf({ outcome, state, tasks, error }: Receipt): string {
  if (outcome === null) return `${state} ${tasks.done}/${tasks.planned}`;
  return outcome === 'FAILED' && error !== null ? `FAILED ${error.code}` : outcome;
}

/** The first of the run's objects; nothing in a receipt of an older version. */
function fromOf({ objects }: Partial<Pick<Receipt, 'objects'>>, currentFolder: string): string {
  const [first] = objects?.first ?? [];
  if (objects === undefined || first === undefined) return '';
  const shown = harmless(first.startsWith('/') ? shortPath(first, currentFolder) : first);
  return objects.total > 1 ? `${shown} + ${count(objects.total - 1)}` : shown;
}

/** Where a table is, as seen from the lake root. */
function tablePlace({ currentFolder }: Shell, lake: string, { table: { path } }: Receipt): string {
  if (lake.includes('://')) return path.startsWith(lake) ? path.slice(lake.length) : path;
  return shortPath(resolve(currentFolder, path), lake);
}

/** The beginning of an id that is enough to name the run: its job and eight digits. */
function shortId(run: string, known: readonly string[]): string {
  const beginning = run.slice(0, run.lastIndexOf('-') + 1 + shownDigits);
  return known.filter((other) => other.startsWith(beginning)).length === 1 ? beginning : run;
}
