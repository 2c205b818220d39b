import { asFanlakeError, errorOf, FanlakeError } from '../core/errors.ts';
import type { MergeMessage } from '../core/merge-task.ts';
import { readMessage } from '../core/message.ts';
import type { Delivery } from '../core/ports.ts';
import type { DispatchMessage, TaskMessage } from '../core/task.ts';
import { buryTask } from '../protocol/bury-task.ts';
import { readDecision } from '../protocol/documents.ts';
import { fulfilDuties } from '../protocol/duties.ts';
import { dispatchPage } from '../protocol/start-epoch.ts';
import type { Log } from '../runtime/log.ts';
import { handleTask, type TaskEnd, type WorkerContext } from './handle-task.ts';

export interface PerformerContext extends WorkerContext {
  readonly log: Log;
  /** How often the queue delivers a message before it is a dead letter. */
  readonly maxReceives: number;
}

/** A task that wasn't done in time twice won't be the third time. */
const timeoutsPerTask = 2;

/** What a worker does with the messages of the `tasks` and `merges` queues: one task at a time. */
export class Performer {
  private readonly context: PerformerContext;
  /** The task under way. */
  private current: { readonly message: TaskMessage | MergeMessage; readonly receiveCount: number; isLate: boolean } | null = null;

  constructor(context: PerformerContext) {
    this.context = context;
  }

  /**
   * Runs a task, or sends those of a plan's page.
   * @throws FanlakeError when the message is to come again, or is none of these queues
   */
  async perform(delivery: Delivery<string>): Promise<void> {
    const message = readMessage(delivery.body);
    if (message.kind === 'dispatch') return this.dispatch(message);
    if (message.kind !== 'task' && message.kind !== 'merge')
      throw new FanlakeError('usage', `A message '${message.kind}' came to a queue of tasks.`);
    const { receiveCount, ageMs = 0 } = delivery;
    const mine = { message, receiveCount, isLate: false };
    this.current = mine;
    const about = this.about(message);
    about.info('task begins', { receiveCount });
    try {
      const [extend, retryIn] = [(ms: number) => delivery.extend(ms), (ms: number) => delivery.retryIn(ms)];
      tell(about, await handleTask(this.context, { body: message, receiveCount, ageMs, extend, retryIn }), receiveCount);
    } catch (thrown) {
      await this.failed(message, receiveCount, mine.isLate ? tookTooLong(message) : asFanlakeError(thrown));
    } finally {
      this.current = null;
    }
  }

  /** Sends the tasks of a page, unless the run is decided: a page that is done leads up through all stages, and there may be many. */
  private async dispatch(message: DispatchMessage): Promise<void> {
    const plan = await this.context.plans.get(message);
    const decision = await readDecision(this.context.stores.lake, plan.table.key, message);
    if (decision !== null) return fulfilDuties(this.context, decision);
    await dispatchPage(this.context, plan, message.page, false);
  }

  /** The time of the task under way is up: what it throws now means that. */
  outOfTime(): void {
    if (this.current !== null) this.current.isLate = true;
  }

  /** A task that can't be stopped is given up as one that took too long; its process ends. */
  async giveUp(): Promise<void> {
    if (this.current === null) return;
    const { message, receiveCount } = this.current;
    // on its first delivery it comes again
    await this.failed(message, receiveCount, tookTooLong(message)).catch(() => {});
  }

  /**
   * The last delivery of a task tells why it failed; its dead letter would only tell that it did.
   * @throws the error, when the task is to come again
   */
  private async failed(message: TaskMessage | MergeMessage, receiveCount: number, error: FanlakeError): Promise<void> {
    const { log, maxReceives } = this.context;
    this.about(message).failure('task failed', error, { receiveCount });
    const tries = error.code === 'task.timeout' ? timeoutsPerTask : maxReceives;
    if (error.retryable && receiveCount < tries) throw error;
    if (error.code === 'task.timeout') log.count('DeadlineExceeded');
    await buryTask(this.context, message, receiveCount, error.toReport());
  }

  private about({ kind, run, epoch, stage, task: { task } }: TaskMessage | MergeMessage): Log {
    return this.context.log.about(kind === 'merge' ? { run, epoch, stage, task } : { run, epoch, task });
  }
}

function tell(about: Log, end: TaskEnd, receiveCount: number): void {
  if (end.kind === 'done') about.info('task done');
  else if (end.kind === 'left alone') about.info('task left alone: it was done, or is not wanted any more');
  else about.failure('task failed', errorOf(end.error), { receiveCount });
}

function tookTooLong({ kind }: TaskMessage | MergeMessage): FanlakeError {
  const smaller = kind === 'task' ? ', or run the job over the input again with a smaller --split-size' : '';
  return new FanlakeError(
    'task.timeout',
    `It was not done in the time that the function has. Give the function more memory (memoryMiB of the stack, a CPU for each 1,769) and retry${smaller}.`,
  );
}
