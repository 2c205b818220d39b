/** Codes that a user can see in `error.code`, each with whether trying the same thing again may help. Nothing else decides a retry. */
const retryableByCode = {
  // the command or the job is wrong: found before a plan exists
  'usage': false,
  'not-built': false,
  'job.invalid': false,
  'job.unknown': false,
  'run.unknown': false,
  'run.ambiguous': false,
  'input.none': false,
  'plan.too-large': false,
  // the deployed stack that a command was to act on
  'stack.unknown': false,
  'stack.unready': false,
  'stack.denied': false,
  // the query
  'query.syntax': false,
  'query.column': false,
  'query.function': false,
  'query.forbidden': false,
  'query.unsupported': false,
  'query.failed': false,
  // the input
  'input.gone': false,
  'input.changed': false,
  'input.denied': false,
  'input.format': false,
  'input.encoding': false,
  'input.corrupt': false,
  'input.keys': false,
  'rows.bad': false,
  // the table
  'table.unknown': false,
  'table.schema': false,
  'table.type': false,
  'table.partitions': false,
  'table.unsupported': false,
  'table.name': false,
  'table.corrupt': false,
  // storage
  'store.full': false,
  'store.denied': false,
  'store.name': false,
  'store.failed': true,
  // the run
  'plan.version': false,
  'task.died': false,
  'task.memory': true,
  'task.timeout': true,
  'run.unaccounted': false,
  'run.deadline': false,
  'run.cancelled': false,
  'run.interrupted': true,
  'run.unannounced': true,
  'chain': false,
  'commit.conflict': false,
  'commit.unknown': false,
  'internal': true,
} as const;

export type ErrorCode = keyof typeof retryableByCode;

/** What a receipt, a part and `--json` show of an error. */
export interface ErrorReport {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * The one error of this project. The message says what was attempted, on which thing, what was found and what to do.
 * `retryable` follows from the code.
 */
export class FanlakeError extends Error {
  override readonly name = 'FanlakeError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }

  get retryable(): boolean {
    return retryableByCode[this.code];
  }

  toReport(): ErrorReport {
    return { code: this.code, message: this.message, details: this.details };
  }
}

/** The error that a report was made of, as far as a report tells. */
export const errorOf = ({ code, message, details }: ErrorReport): FanlakeError => new FanlakeError(code, message, details);

/** Whether `code` (from a stored document) is one of ours. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(retryableByCode, code);
}

/** Any thrown value as a `FanlakeError`; what isn't ours becomes `internal`, with the thrown value as its cause. */
export function asFanlakeError(thrown: unknown): FanlakeError {
  if (thrown instanceof FanlakeError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new FanlakeError('internal', `an unexpected error: ${message}`, {}, thrown);
}
