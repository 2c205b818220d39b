import type { Clock, Nonces, Queue, Stores } from '../core/ports.ts';
import type { CommitMessage, DispatchMessage, MonitorMessage, TaskMessage } from '../core/task.ts';

/** What every function of a run works with: the ports, and nothing else. */
export interface RunContext {
  readonly stores: Stores;
  readonly tasks: Queue<TaskMessage | DispatchMessage>;
  readonly commits: Queue<CommitMessage>;
  readonly monitor: Queue<MonitorMessage>;
  readonly clock: Clock;
  readonly nonces: Nonces;
}
