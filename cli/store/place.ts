import type { Stores } from '../../functions/core/ports.ts';

/** Where a command acts: a home folder of this machine, or a deployed stack. */
export interface Place {
  /** As messages name it: the home's path, or "the stack 'lake'". */
  readonly name: string;
  /** Null for this machine. */
  readonly stack: string | null;
  readonly stores: Stores;
}
