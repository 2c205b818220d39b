import type { Decision } from '../core/decision.ts';
import { asFanlakeError, FanlakeError } from '../core/errors.ts';
import { announcedKey, decisionKey, ledgerRunPrefix, outcomeKey, parseLedgerKey } from '../core/keys.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { Receipt } from '../core/receipt.ts';
import type { RunContext } from './context.ts';
import { listAll, readDecision, readOutcome } from './documents.ts';

/** What the ledger knows of one epoch. */
export interface LedgerEpoch {
  readonly epoch: number;
  readonly decided: boolean;
  readonly ended: boolean;
}

/** The epochs of a run that were decided, oldest first. One request. */
export async function readLedger(lake: ObjectStore, table: string, run: string): Promise<readonly LedgerEpoch[]> {
  const epochs = new Map<number, { decided: boolean; ended: boolean }>();
  for (const key of await listAll(lake, ledgerRunPrefix(table, run))) {
    const found = parseLedgerKey(key);
    if (found === null) continue;
    const epoch = epochs.get(found.epoch) ?? { decided: false, ended: false };
    if (found.kind === 'decision') epoch.decided = true;
    else epoch.ended = true;
    epochs.set(found.epoch, epoch);
  }
  return [...epochs].map(([epoch, state]) => ({ epoch, ...state })).sort((a, b) => a.epoch - b.epoch);
}

/** A decision before it has its nonce and time. */
export type Proposal = Decision extends infer Kind ? (Kind extends Decision ? Omit<Kind, 'format' | 'nonce' | 'atMs'> : never) : never;

/**
 * Decides an epoch, or finds it decided: the first writer wins, and what is answered is read back, since "exists" may be the echo of one's
 * own write.
 */
export async function decide(context: RunContext, proposal: Proposal): Promise<Decision> {
  return (await decideOrFind(context, proposal)).decision;
}

/** The same, with whether it was decided just now. */
export async function decideOrFind(
  context: RunContext,
  proposal: Proposal,
): Promise<{ readonly decision: Decision; readonly isNew: boolean }> {
  const decision: Decision = { format: 1, nonce: context.nonces.next(), atMs: context.clock.now(), ...proposal };
  const { lake } = context.stores;
  if ((await lake.create(decisionKey(proposal.table, proposal), JSON.stringify(decision))) !== null) return { decision, isNew: true };
  const found = await readDecision(lake, proposal.table, proposal);
  if (found !== null) return { decision: found, isNew: false };
  throw new FanlakeError('store.failed', `The decision of run ${proposal.run} can't be read though it exists. Run the command again.`);
}

/**
 * Creates the outcome if it is absent, and announces the one that counts: the first one stays.
 * @throws FanlakeError `run.unannounced` when it is there and nobody heard of it
 */
export async function writeOutcome(context: RunContext, table: string, receipt: Receipt): Promise<void> {
  const { lake } = context.stores;
  const isNew = (await lake.create(outcomeKey(table, receipt), `${JSON.stringify(receipt, null, 2)}\n`)) !== null;
  if (context.announce === null) return;
  const first = isNew ? receipt : await readOutcome(lake, table, receipt);
  if (first !== null) await announceOutcome(context, first, isNew);
}

/**
 * Tells how an epoch has ended. Behind everything else that its end asks for: an event bus that is gone holds up none of that. Each of its messages that are left finds an end
 * without a commit, and there may be many: what was told is noted, and not told again.
 * @throws FanlakeError `run.unannounced`; `store.*`
 */
export async function announceOutcome({ announce, stores: { work } }: RunContext, outcome: Receipt, isNew: boolean): Promise<void> {
  if (announce === null) return;
  const mayBeLeft = outcome.outcome === 'FAILED' || outcome.outcome === 'CANCELLED';
  if (mayBeLeft && !isNew && (await work.head(announcedKey(outcome))) !== null) return;
  try {
    await announce(outcome, isNew);
  } catch (thrown) {
    throw unannounced(outcome, thrown);
  }
  if (mayBeLeft) await work.create(announcedKey(outcome), '');
}

function unannounced({ run, outcome, rows }: Receipt, thrown: unknown): FanlakeError {
  const written = outcome === 'COMMITTED' || outcome === 'PARTIAL' ? ' and its rows are in the table' : '';
  const { message } = asFanlakeError(thrown);
  return new FanlakeError(
    'run.unannounced',
    `Run ${run} has ended (${outcome}), its outcome is stored${written}: only the announcement failed, and comes again by itself. Found: ${message}`,
    { outcome, rowsWritten: rows.written },
    thrown,
  );
}
