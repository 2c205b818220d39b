import type { CommitDecision } from '../core/decision.ts';
import { FanlakeError } from '../core/errors.ts';
import { committedFilesOf, manifestPrefix, pendingFolder } from '../core/keys.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { Receipt } from '../core/receipt.ts';
import { appIdOf } from '../core/table-log/member-actions.ts';
import { readOutcome } from './documents.ts';
import { readLedger } from './ledger.ts';
import { TableLog } from './table-log.ts';

const goneWith = '(the work folder expired or was deleted).';
const planExpired = `its plan is gone ${goneWith}`;
export const partsExpired = `parts that it took over are gone ${goneWith}`;

/**
 * The error of a run whose commit was decided, and which was interrupted before its outcome was written, when its plan is gone: whether all of it is in the
 * table can't be told, and loading its objects once more could double their rows.
 * @param why it can't be gone on with: a sentence behind "and"
 */
export async function commitUnknown(lake: ObjectStore, decision: CommitDecision, why = planExpired): Promise<FanlakeError> {
  const { run, epoch, table } = decision;
  const { version, transactions } = await new TableLog(lake, table).refresh();
  const manifest = await lake.head(`${manifestPrefix(table)}${run}-e${epoch}.json`);
  const isThere = transactions.has(appIdOf(run, epoch)) || manifest !== null;
  const state = isThere
    ? 'Its rows are in the table; only its receipt was never written, so how many there are of how many read is not known.'
    : version < 0 && (await hasHiveFiles(lake, decision))
      ? `Its list of files was never written, so none, some or all of its rows are in the table: those in files whose names begin with ${committedFilesOf(decision)}.`
      : 'The table does not name it: most likely none of its rows are there.';
  return new FanlakeError(
    'commit.unknown',
    `Run ${run} was being committed when it was interrupted, and ${why} ${state} ` +
      `It is not loaded again by itself, since that could double its rows. Look into the table (fanlake query); to load its objects as another run: --again`,
    { run, epoch, committed: isThere },
  );
}

/** Whether a folder is a table of Hive folders: lists of committed files are in it, or files of the epoch that waited for their commit. */
async function hasHiveFiles(lake: ObjectStore, decision: CommitDecision): Promise<boolean> {
  for (const prefix of [manifestPrefix(decision.table), `${decision.table}/${pendingFolder(decision)}`]) {
    if ((await lake.listKeys({ prefix, limit: 1 })).keys.length > 0) return true;
  }
  return false;
}

/** The outcome of the epoch of a run that was committed in part; null when none was. */
export const partialOutcome = (lake: ObjectStore, table: string, run: string): Promise<Receipt | null> =>
  firstOutcome(lake, table, run, ({ outcome }) => outcome === 'PARTIAL');

/** The outcome of the first epoch of a run that has put rows into the table, which need not be its first; null when none has. */
export const outcomeWithRows = (lake: ObjectStore, table: string, run: string): Promise<Receipt | null> =>
  firstOutcome(lake, table, run, ({ rows }) => rows.written > 0);

async function firstOutcome(lake: ObjectStore, table: string, run: string, is: (outcome: Receipt) => boolean): Promise<Receipt | null> {
  for (const { epoch, ended } of await readLedger(lake, table, run)) {
    const outcome = ended ? await readOutcome(lake, table, { run, epoch }) : null;
    if (outcome !== null && is(outcome)) return outcome;
  }
  return null;
}

/** Loading the whole input again would double what is in the table, and only the plan's chain tells where the records of a missing range begin. */
export function remainderLost({ run }: { readonly run: string }): FanlakeError {
  return new FanlakeError(
    'run.unknown',
    `Run ${run} is committed in part, and its plan or parts of it are gone (the work folder expired or was deleted), so its missing ranges can't be loaded by themselves. ` +
      `They are named by 'fanlake status ${run}': put their records into a file of their own and load that.`,
    { run },
  );
}
