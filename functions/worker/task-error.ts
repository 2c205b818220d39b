import type { ChainLink } from '../core/chain.ts';
import type { FanlakeError } from '../core/errors.ts';
import type { BadRecord } from '../core/piece.ts';

/**
 * What a task has failed for good for, after its splits were staged. The links go into its part: a split that guessed wrongly where its first
 * record starts finds errors where there are none, and only the chain can tell.
 */
export class TaskError extends Error {
  override readonly name = 'TaskError';
  readonly error: FanlakeError;
  readonly chain: readonly ChainLink[];
  /** The first records that can't be taken, when they are why. */
  readonly offenders: readonly BadRecord[];

  constructor(error: FanlakeError, chain: readonly ChainLink[], offenders: readonly BadRecord[]) {
    super(error.message, { cause: error });
    this.error = error;
    this.chain = chain;
    this.offenders = offenders;
  }
}
