import type { Announcer } from '../core/ports.ts';
import type { Receipt } from '../core/receipt.ts';
import type { Announce } from '../protocol/context.ts';
import type { Log, MetricName } from '../runtime/log.ts';

/** EventBridge takes 256 KB; what a receipt has besides its lists is a few. */
const mostDetailBytes = 200_000;

interface AnnounceOptions {
  readonly log: Log;
  readonly bus: Announcer;
  readonly stack: string;
}

/** Tells metrics, log and event bus how an epoch ended. Each is counted once; the event may come twice, and names run and epoch. */
export function announceRun({ log, bus, stack }: AnnounceOptions): Announce {
  return async (receipt, isNew) => {
    if (isNew) count(log, receipt);
    await bus.announce({ type: 'Fanlake Run Ended', detail: detailOf(receipt, stack) });
  };
}

const metricOf: Readonly<Record<string, MetricName>> = {
  COMMITTED: 'RunsCommitted',
  PARTIAL: 'RunsPartial',
  FAILED: 'RunsFailed',
  CANCELLED: 'RunsCancelled',
};

function count(log: Log, { run, epoch, job, outcome, rows, tasks, error, seconds }: Receipt): void {
  const metric = metricOf[outcome ?? ''];
  if (metric !== undefined) log.count(metric);
  if (rows.written > 0) log.count('RowsWritten', rows.written);
  if (rows.quarantined > 0) log.count('RowsQuarantined', rows.quarantined);
  if (tasks.failed > 0) log.count('TasksFailed', tasks.failed);
  if (error?.code === 'run.deadline') log.count('DeadlineExceeded');
  log.about({ run, epoch, job }).info(`run ended: ${outcome}`, {
    outcome: outcome ?? '',
    code: error?.code ?? null,
    rowsWritten: rows.written,
    seconds,
  });
}

/** The receipt without its long lists where it would be too large to send: they stand in the outcome that the ledger keeps. */
function detailOf(receipt: Receipt, stack: string): Readonly<Record<string, unknown>> {
  const whole = { ...receipt, stack };
  if (Buffer.byteLength(JSON.stringify(whole)) <= mostDetailBytes) return whole;
  const error = receipt.error === null ? null : { code: receipt.error.code, message: receipt.error.message.slice(0, 2_000), details: {} };
  return { ...whole, error, quarantine: [], missing: [], shortened: true };
}
