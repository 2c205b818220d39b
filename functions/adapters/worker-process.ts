import { asFanlakeError, type ErrorReport, FanlakeError } from '../core/errors.ts';
import type { FailedSend, Queue } from '../core/ports.ts';
import type { LocalDelivery } from './message-states.ts';
import { decodeToWorker, type FromWorker, type ToWorker } from './worker-channel.ts';

/** Messages in one message of the channel. */
const messagesPerSend = 500;

/** A delivery on the other side of the channel. */
export type WorkerDelivery<Message> = Omit<LocalDelivery<Message>, 'release'>;

export interface WorkerContext {
  /** A queue of the parent, by the name under which the pool knows it. */
  queue<Message>(name: string): Queue<Message>;
}

export interface WorkerTasks<Message> {
  /** Returns: acknowledged. Throws: given back, with the error. */
  readonly onTask: (delivery: WorkerDelivery<Message>, context: WorkerContext) => Promise<void>;
}

type Answer = Extract<ToWorker, { kind: 'answer' }>;
/** A `FromWorker` that waits for an answer, before it has a number. */
type Request =
  | { readonly kind: 'send'; readonly queue: string; readonly messages: readonly unknown[]; readonly delayMs: number }
  | { readonly kind: 'extend' | 'retryIn'; readonly task: number; readonly ms: number };

/**
 * What the pool that started this process tells it. A process whose parent is gone meanwhile ends.
 * @throws FanlakeError `usage` in a process that no pool started
 */
export async function workerSettings(): Promise<Readonly<Record<string, string>>> {
  if (process.send === undefined) throw notStarted();
  process.on('disconnect', endWithParent);
  // what happened while the modules were loaded is not told again
  if (!process.connected) endWithParent();
  return new Promise((resolve) => {
    process.on('message', (raw) => {
      const message = decodeToWorker(raw);
      if (message?.kind === 'begin') resolve(message.settings);
    });
  });
}

/** Nothing of this process is worth finishing without the parent: what a killed worker leaves behind is repaired in any case. */
function endWithParent(): void {
  process.kill(process.pid, 'SIGKILL');
}

function notStarted(): FanlakeError {
  return new FanlakeError(
    'usage',
    `can't serve tasks: this process (${process.pid}) wasn't started by a worker pool; start it through the command`,
  );
}

/**
 * Makes this process a worker of the `WorkerPool` that started it: call it once, when everything a task needs is loaded. The process ends, also
 * in the middle of a task, when its parent is gone.
 * @throws FanlakeError `usage` in a process that no pool started
 */
export function serveWorker<Message>({ onTask }: WorkerTasks<Message>): void {
  if (process.send === undefined) throw notStarted();
  process.on('disconnect', endWithParent);
  // Ctrl-C reaches the whole process group: the parent decides what to do about it
  process.on('SIGINT', () => {});
  const waiting = new Map<number, (answer: Answer) => void>();
  const context: WorkerContext = { queue: (name) => queueThrough(waiting, name) };
  process.on('message', (raw) => {
    const message = decodeToWorker(raw);
    if (message?.kind === 'answer') {
      waiting.get(message.request)?.(message);
      waiting.delete(message.request);
    }
    if (message?.kind === 'task') {
      const { task, body, receiveCount, lastError } = message;
      const delivery: WorkerDelivery<Message> = {
        body: body as Message,
        receiveCount,
        ...(lastError === undefined ? {} : { lastError }),
        extend: async (ms) => void (await ask(waiting, { kind: 'extend', task, ms })),
        retryIn: async (ms) => void (await ask(waiting, { kind: 'retryIn', task, ms })),
      };
      void perform(() => onTask(delivery, context)).then((error) => tell({ kind: 'done', task, ...(error === null ? {} : { error }) }));
    }
  });
  tell({ kind: 'ready' });
}

async function perform(action: () => Promise<void>): Promise<ErrorReport | null> {
  try {
    await action();
    return null;
  } catch (thrown) {
    const error = asFanlakeError(thrown);
    // the stack of what nobody expected is worth a line in the log; the report carries the message only
    if (error.code === 'internal' && thrown instanceof Error) console.error(thrown.stack);
    return error.toReport();
  }
}

function queueThrough<Message>(waiting: Map<number, (answer: Answer) => void>, name: string): Queue<Message> {
  return {
    async send(messages, delayMs = 0) {
      const failed: FailedSend[] = [];
      // one after the other: the channel never holds more than one of them
      for (let start = 0; start < messages.length; start += messagesPerSend) {
        const answer = await ask(waiting, { kind: 'send', queue: name, messages: messages.slice(start, start + messagesPerSend), delayMs });
        for (const { index, reason } of answer.failed ?? []) failed.push({ index: start + index, reason });
      }
      return failed;
    },
  };
}

let requests = 0;

async function ask(waiting: Map<number, (answer: Answer) => void>, request: Request): Promise<Answer> {
  requests += 1;
  const numbered = { ...request, request: requests };
  const answered = new Promise<Answer>((resolve) => waiting.set(numbered.request, resolve));
  tell(numbered);
  const answer = await answered;
  if (answer.error !== undefined) throw new FanlakeError('internal', answer.error);
  return answer;
}

function tell(message: FromWorker): void {
  // a channel that closed ends this process by itself
  if (process.connected) process.send?.(message, undefined, {}, () => {});
}
