import { Command } from 'commander';
import { FanlakeError } from '../../functions/core/errors.ts';
import { sweepLake, type TableSweep } from '../../functions/sweeper/sweep-lake.ts';
import { atPlace, type PlaceOptions } from '../at-place.ts';
import { exitCodes } from '../exit-code.ts';
import { Interrupted } from '../interruption.ts';
import { sweepWork, type WorkSwept } from '../local/sweep-work.ts';
import { bytes, count, counted } from '../render/numbers.ts';
import { renderTable } from '../render/table.ts';
import type { Shell } from '../shell.ts';
import type { Place } from '../store/place.ts';
import { listTables } from '../store/tables.ts';
import { parseCount } from '../values.ts';

interface SweepCommandOptions extends PlaceOptions {
  readonly olderThan: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const dayMs = 24 * 60 * 60_000;
/** As the objects of a stack's work bucket expire, unless it is deployed otherwise. */
const defaultDays = 30;

const help = `
Examples:
  fanlake sweep --dry-run
  fanlake sweep --older-than 7
  fanlake sweep --stack lake --json

An orphan is a data file of Fanlake's that no log entry names, of a run that can't be committed or retried with it any more: of a run that failed, of an
attempt that another one overtook. Files of other writers stay, and so do those of runs of which plan or parts are in the work folder.
On this machine plans and parts of runs that ended so many days ago go first, so that their orphans can go, too: such a run is then loaded anew, not retried.
Tables outside of the home (--table with a '/') are not swept: another home may be at work there.
Ends with 0 when all tables were swept, with 1 when one of them couldn't be.`;

/** `fanlake sweep`: deletes data files that nobody needs. */
export function sweepCommand(shell: Shell): Command {
  return new Command('sweep')
    .description('delete data files that belong to no table any more')
    .option('--older-than <days>', 'days since a file was stored, at least 1 (with --dry-run 0)', parseCount(0), defaultDays)
    .option('--dry-run', 'delete nothing: show what would go')
    .addHelpText('after', help)
    .action((options: SweepCommandOptions) => {
      if (options.olderThan < 1 && options.dryRun !== true) {
        throw new FanlakeError(
          'usage',
          "--older-than 0 is for --dry-run alone: a file of today may be a running task's. Give 1 or more days, or add --dry-run.",
        );
      }
      return atPlace(shell, options, (place, speaking) => sweep(speaking, place, options));
    });
}

/** What a sweep did, as `--json` prints it. */
interface SweepReport {
  readonly dryRun: boolean;
  readonly olderThanDays: number;
  readonly tables: readonly (Omit<TableSweep, 'unfinished'> & { readonly path: string })[];
  /** Tables outside of the lake root, by their paths. */
  readonly passedOver: readonly string[];
  /** Null on a stack, whose work bucket empties itself. */
  readonly work: Omit<WorkSwept, 'gone'> | null;
}

async function sweep(shell: Shell, place: Place, options: SweepCommandOptions): Promise<void> {
  const { stores, stack } = place;
  const dryRun = options.dryRun === true;
  const signal = shell.interruption();
  const isOver = () => signal.aborted;
  const beforeMs = Date.now() - options.olderThan * dayMs;
  const work = stack === null ? await sweepWork(stores, { beforeMs, dryRun, isOver }) : null;
  const asGone = dryRun ? (work?.gone ?? new Set<string>()) : new Set<string>();
  const swept = await sweepLake(stores, { beforeMs, dryRun, asGone, isOver });
  if (signal.aborted) throw new Interrupted('interrupted');
  const elsewhere = (await listTables(stores.lake)).filter(({ key }) => key.startsWith('/'));
  const report: SweepReport = {
    dryRun,
    olderThanDays: options.olderThan,
    tables: swept.map(({ table, files, bytes: size, error }) => ({ table, path: stores.lake.locate(table), files, bytes: size, error })),
    passedOver: elsewhere.map(({ key }) => key),
    work: work === null ? null : { runs: work.runs, files: work.files, bytes: work.bytes },
  };
  const failed = report.tables.some(({ error }) => error !== null);
  shell.answer(
    { exitCode: failed ? exitCodes.failed : exitCodes.ok, json: report, text: renderSweep(shell, place, report) },
    options.json === true,
  );
}

function renderSweep({ style }: Shell, place: Place, { dryRun, olderThanDays, tables, passedOver, work }: SweepReport): string {
  const found = tables.filter(({ files, error }) => files > 0 || error !== null);
  const rows = found.map(({ table, files, bytes: size, error }) => [table, count(files), bytes(size), error?.message ?? '']);
  const columns = [
    { name: 'table', whole: true },
    { name: 'files', align: 'right' } as const,
    { name: 'bytes', align: 'right' } as const,
    ...(found.some(({ error }) => error !== null) ? [{ name: 'not swept' }] : []),
  ];
  const days = counted(olderThanDays, 'day');
  const lines =
    found.length === 0
      ? [`No orphans older than ${days} in ${counted(tables.length, 'table')} of ${place.name}.`]
      : [renderTable(columns, rows, style)];
  if (work !== null && work.files > 0) {
    const went = dryRun ? 'would go' : 'went';
    lines.push(`From the work folder ${went}: ${counted(work.files, 'file')} (${bytes(work.bytes)}), all of ${counted(work.runs, 'run')}.`);
  }
  for (const path of passedOver) lines.push(`Not swept, since it is outside of the home: ${path}`);
  if (dryRun) lines.push('Nothing was deleted (--dry-run).');
  return lines.join('\n');
}
