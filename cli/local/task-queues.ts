import { setTimeout as sleep } from 'node:timers/promises';
import { LocalQueue } from '../../functions/adapters/local-queue.ts';
import type { ErrorReport } from '../../functions/core/errors.ts';
import type { MergeMessage } from '../../functions/core/merge-task.ts';
import { tasksPerPage } from '../../functions/core/plan.ts';
import type { FailedSend, Queue } from '../../functions/core/ports.ts';
import type { DispatchMessage, TaskMessage } from '../../functions/core/task.ts';

/** How often a task is tried before it has failed for good. */
export const maxReceives = 5;
/** Pages are dispatched while fewer tasks than this wait, so that a million tasks are never all in memory. */
const waitingTasks = 4 * tasksPerPage;
const pollMs = 50;

/**
 * The tasks queue of a command: tasks of all stages go to the worker processes, dispatches of pages are done by the command itself, a few ahead of the
 * workers.
 */
export class TaskQueues implements Queue<TaskMessage | DispatchMessage> {
  /** Tasks of all stages. */
  readonly tasks: LocalQueue<TaskMessage | MergeMessage>;
  private readonly dispatches = new LocalQueue<DispatchMessage>('dispatches');
  private readonly dead = new LocalQueue<TaskMessage | MergeMessage>('dead tasks');
  private readonly closing = new AbortController();
  /** Merge tasks by their plan's nonce. */
  private readonly merging = new Map<string, Set<string>>();

  constructor() {
    this.tasks = new LocalQueue('tasks', { maxReceives, deadLetters: this.dead });
  }

  async send(messages: readonly (TaskMessage | DispatchMessage)[], delayMs?: number): Promise<readonly FailedSend[]> {
    const tasks: TaskMessage[] = [];
    const dispatches: DispatchMessage[] = [];
    const places: { readonly task: number[]; readonly dispatch: number[] } = { task: [], dispatch: [] };
    for (const [index, message] of messages.entries()) {
      places[message.kind].push(index);
      if (message.kind === 'task') tasks.push(message);
      else dispatches.push(message);
    }
    const failed = [
      ...(await this.tasks.send(tasks, delayMs)).map((entry) => ({ ...entry, index: places.task[entry.index] ?? entry.index })),
      ...(await this.dispatches.send(dispatches, delayMs)).map((entry) => ({
        ...entry,
        index: places.dispatch[entry.index] ?? entry.index,
      })),
    ];
    return failed;
  }

  /** Merge tasks are done by the same processes as map tasks. */
  readonly merges: Queue<MergeMessage> = {
    send: (messages, delayMs) => {
      for (const { plan, stage, task } of messages) {
        const known = this.merging.get(plan) ?? new Set();
        this.merging.set(plan, known.add(`${stage} ${task.task}`));
      }
      return this.tasks.send(messages, delayMs);
    },
  };

  /** Merge tasks of a plan that were sent, each once however often that was. */
  mergesSent(planNonce: string): number {
    return this.merging.get(planNonce)?.size ?? 0;
  }

  /** Begins to dispatch pages, and to bury tasks that never succeed. */
  consume(
    dispatch: (message: DispatchMessage) => Promise<void>,
    bury: (message: TaskMessage | MergeMessage, last: ErrorReport | null) => Promise<void>,
  ): void {
    this.dispatches.consume(async ([delivery]) => {
      while (this.waiting(this.tasks) > waitingTasks) await sleep(pollMs, undefined, { signal: this.closing.signal });
      if (delivery !== undefined) await dispatch(delivery.body);
      return [];
    });
    this.dead.consume(async ([delivery]) => {
      if (delivery !== undefined) await bury(delivery.body, delivery.lastError ?? null);
      return [];
    });
  }

  /** Tasks that are neither done nor failed: waiting, in work, or still to be dispatched. */
  get open(): number {
    return this.waiting(this.tasks) + this.waiting(this.dispatches) * tasksPerPage;
  }

  async stop(): Promise<void> {
    this.closing.abort();
    await Promise.all([this.dispatches.stop(), this.dead.stop(), this.tasks.stop()]);
  }

  private waiting<Message>(queue: LocalQueue<Message>): number {
    const { visible, inFlight, delayed } = queue.counts();
    return visible + inFlight + delayed;
  }
}
