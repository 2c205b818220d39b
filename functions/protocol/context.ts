import type { MergeMessage } from '../core/merge-task.ts';
import type { Clock, Nonces, Queue, Stores } from '../core/ports.ts';
import type { Receipt } from '../core/receipt.ts';
import type { StageSizing } from '../core/stage-sizing.ts';
import type { CommitMessage, DispatchMessage, MonitorMessage, TaskMessage } from '../core/task.ts';

/** What every function of a run works with: the ports, and nothing else. */
export interface RunContext {
  readonly stores: Stores;
  readonly tasks: Queue<TaskMessage | DispatchMessage>;
  readonly merges: Queue<MergeMessage>;
  readonly commits: Queue<CommitMessage>;
  readonly monitor: Queue<MonitorMessage>;
  readonly clock: Clock;
  readonly nonces: Nonces;
  /** Null where nobody listens: a command looks into the store. */
  readonly announce: Announce | null;
  /** How many tasks share a stage. Left away: what suits functions. */
  readonly sizing?: StageSizing;
}

/**
 * Tells others that an epoch has ended; at least once. A message that ends an epoch is acknowledged only behind this, and whoever it comes to again finds the outcome there and
 * tells it once more: the reducer each, the monitor what monitors end, the coordinator what it couldn't plan, and everybody who does the duties of a decision.
 * @param isNew whether the outcome was written just now
 */
export type Announce = (receipt: Receipt, isNew: boolean) => Promise<void>;
