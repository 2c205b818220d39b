import type { Deployment } from './functions.ts';

/** A world that is small enough to try everything that can happen in it. */
export interface SmallWorld {
  readonly name: string;
  readonly deployment: Deployment;
  readonly uploads: readonly { readonly key: string; readonly body: string /** Deliveries of its event. */; readonly events: number }[];
  /** Functions that are killed, at any moment. */
  readonly crashes: number;
  /** Messages that come again while they are handled. */
  readonly duplicates: number;
  /** Commands that are typed at any moment, for the first upload. */
  readonly commands: readonly CommandName[];
  /** Whether a run may fail since a task was given up. */
  readonly mayGiveUp: boolean;
  /** Whether it takes minutes. */
  readonly isLarge?: boolean;
  /** Whether a reducer may get two commits at once. */
  readonly commitsInPairs?: boolean;
  /** Of equal messages that wait, only one is kept while there is a monitor: a limit, where everybody sends an epoch's messages again who finds the one before broken. */
  readonly keepsOne?: boolean;
  /** Functions at work at once, others wait for their turn; absent: two. */
  readonly atOnce?: number;
}

export type CommandName = 'cancel' | 'retry';
