import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Context } from 'aws-lambda';
import { asFanlakeError, type ErrorCode } from '../core/errors.ts';
import type { LogFields } from '../core/log-fields.ts';

/** What is counted; the alarms and the dashboard are made of these (CloudWatch embedded metric format, namespace Fanlake). */
export type MetricName =
  | 'RunsCommitted'
  | 'RunsPartial'
  | 'RunsFailed'
  | 'RunsCancelled'
  | 'RunsPlannedAgain'
  | 'RowsWritten'
  | 'RowsQuarantined'
  | 'UploadsIgnored'
  | 'MessagesPassedOver'
  | 'MalformedMessages'
  | 'DeadLetters'
  | 'TasksFailed'
  | 'DeadlineExceeded';

/** Errors whose messages name places and settings only. Those of other codes may quote what stands in a row, which no log is to hold. */
const quotable: ReadonlySet<ErrorCode> = new Set([
  'store.full',
  'store.denied',
  'store.name',
  'store.failed',
  'plan.version',
  'plan.too-large',
  'task.died',
  'task.memory',
  'task.timeout',
  'run.deadline',
  'run.cancelled',
  'run.unknown',
  'run.unaccounted',
  'run.unannounced',
  'chain',
  'commit.conflict',
  'commit.unknown',
  'input.gone',
  'input.changed',
  'input.denied',
  'internal',
]);

/** Log lines and metrics. */
export interface Log {
  /** The same log with more on each of its lines. */
  about(fields: LogFields): Log;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** What went wrong, by its code; the message only where it can't hold a row's content. The whole message stands in the run's receipt. */
  failure(message: string, thrown: unknown, fields?: LogFields): void;
  count(name: MetricName, value?: number): void;
}

/** Log lines and metrics of one function, each line with the run and task that it is about. */
export class FunctionLog implements Log {
  readonly #logger: Logger;
  readonly #metrics: Metrics;

  private constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger;
    this.#metrics = metrics;
  }

  /** @param stack a dimension of every metric */
  static open(stack: string): FunctionLog {
    return new FunctionLog(new Logger(), new Metrics({ defaultDimensions: { stack } }));
  }

  /** Puts the invocation's request id on every line of this log. */
  begin(context: Context): void {
    this.#logger.addContext(context);
  }

  about(fields: LogFields): FunctionLog {
    return new FunctionLog(this.#logger.createChild({ persistentKeys: { ...fields } }), this.#metrics);
  }

  info(message: string, fields: LogFields = {}): void {
    this.#logger.info(message, { ...fields });
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#logger.warn(message, { ...fields });
  }

  failure(message: string, thrown: unknown, fields: LogFields = {}): void {
    const error = asFanlakeError(thrown);
    const said = quotable.has(error.code) ? { reason: error.message } : {};
    const stack = error.code === 'internal' && error.cause instanceof Error ? { stack: error.cause.stack ?? '' } : {};
    this.#logger.error(message, { ...fields, code: error.code, retryable: error.retryable, ...said, ...stack });
  }

  count(name: MetricName, value = 1): void {
    this.#metrics.addMetric(name, MetricUnit.Count, value);
  }

  /** Writes the metrics counted since the last time. */
  flush(): void {
    if (this.#metrics.hasStoredMetrics()) this.#metrics.publishStoredMetrics();
  }
}
