import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { asFanlakeError, FanlakeError } from '../core/errors.ts';
import type { Queue } from '../core/ports.ts';
import type { LocalDelivery } from './message-states.ts';
import { decodeFromWorker, decodeReport, type FromWorker, type ToWorker } from './worker-channel.ts';

const keptOutputLines = 20;

export interface WorkerChildOptions {
  /** The module that it runs, which calls `serveWorker`; for messages. */
  readonly modulePath: string | URL;
  readonly process: ChildProcess;
  readonly settings: Readonly<Record<string, string>>;
  readonly queues: Readonly<Record<string, Queue<unknown>>>;
  readonly onOutput: (line: string) => void;
}

interface CurrentTask {
  readonly task: number;
  readonly delivery: LocalDelivery<unknown>;
  readonly resolve: () => void;
  readonly reject: (error: FanlakeError) => void;
}

/** One worker process, which does one task at a time. */
export class WorkerChild {
  readonly #process: ChildProcess;
  readonly #options: WorkerChildOptions;
  readonly #lastOutput: string[] = [];
  /** Resolves when it takes tasks; rejects when it ends before. */
  readonly ready: Promise<void>;
  /** Resolves when the process has ended and all it wrote was read. */
  readonly ended: Promise<void>;
  #resolveReady: () => void = () => {};
  #rejectReady: (error: FanlakeError) => void = () => {};
  #isReady = false;
  #isAlive = true;
  #tasks = 0;
  #current: CurrentTask | undefined;

  constructor(options: WorkerChildOptions) {
    this.#options = options;
    this.ready = new Promise<void>((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    // whoever waits for it gets the error; nobody may
    this.ready.catch(() => {});
    this.#process = options.process;
    this.#tell({ kind: 'begin', settings: options.settings });
    this.#process.on('message', (raw) => {
      const message = decodeFromWorker(raw);
      if (message !== null) void this.#onMessage(message);
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) if (stream !== null) this.#readLines(stream);
    this.#process.on('exit', () => {
      this.#isAlive = false;
    });
    this.ended = new Promise<void>((resolve) => {
      const onEnd = (found: string, details: Readonly<Record<string, unknown>>) => {
        this.#onEnd(found, details);
        resolve();
      };
      this.#process.on('error', (error) => onEnd(error.message, {}));
      this.#process.on('close', (exitCode, signal) => {
        if (signal === null) onEnd(`exit code: ${exitCode}`, { exitCode });
        else onEnd(`signal: ${signal}`, { signal });
      });
    });
  }

  get processId(): number | undefined {
    return this.#process.pid;
  }

  /** By whoever: what killed it says nothing about another process. */
  get wasKilled(): boolean {
    return this.#process.signalCode === 'SIGKILL' || this.#process.signalCode === 'SIGTERM';
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /**
   * Has it do one task.
   * @throws FanlakeError the task's own error; `task.died` or `task.memory` when the process ends before the task
   */
  async run(delivery: LocalDelivery<unknown>): Promise<void> {
    await this.ready;
    this.#tasks += 1;
    const task = this.#tasks;
    await new Promise<void>((resolve, reject) => {
      this.#current = { task, delivery, resolve, reject };
      const { body, receiveCount, lastError } = delivery;
      this.#tell({ kind: 'task', task, body, receiveCount, ...(lastError === undefined ? {} : { lastError }) });
      if (!this.#isAlive) this.#onEnd('it had ended before', {});
    });
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #tell(message: ToWorker): void {
    // a process that is gone is noticed when it ends
    if (this.#process.connected) this.#process.send(message, () => {});
  }

  async #onMessage(message: FromWorker): Promise<void> {
    if (message.kind === 'ready') {
      this.#isReady = true;
      this.#resolveReady();
    } else if (message.kind === 'done') this.#onDone(message);
    else this.#tell(await this.#answer(message));
  }

  #onDone({ task, error }: Extract<FromWorker, { kind: 'done' }>): void {
    const current = this.#current;
    if (current?.task !== task) return;
    this.#current = undefined;
    if (error === undefined) {
      current.resolve();
    } else {
      const { code, message, details } = decodeReport(error);
      current.reject(new FanlakeError(code, message, details));
    }
  }

  async #answer(message: Extract<FromWorker, { request: number }>): Promise<ToWorker> {
    const { request } = message;
    try {
      if (message.kind === 'send') {
        const queue = this.#options.queues[message.queue];
        if (queue === undefined)
          return { kind: 'answer', request, error: `a worker sent to the queue "${message.queue}", which its pool doesn't know` };
        return { kind: 'answer', request, failed: await queue.send(message.messages, message.delayMs) };
      }
      if (this.#current?.task === message.task) await this.#current.delivery[message.kind](message.ms);
      return { kind: 'answer', request };
    } catch (thrown) {
      return { kind: 'answer', request, error: asFanlakeError(thrown).message };
    }
  }

  #readLines(stream: Readable): void {
    createInterface({ input: stream }).on('line', (line) => {
      this.#lastOutput.push(line);
      if (this.#lastOutput.length > keptOutputLines) this.#lastOutput.shift();
      this.#options.onOutput(line);
    });
  }

  #onEnd(found: string, details: Readonly<Record<string, unknown>>): void {
    this.#isAlive = false;
    const output = this.#lastOutput.join('\n');
    const told = output === '' ? '' : `; its last words:\n${output}`;
    const pid = this.#process.pid;
    if (!this.#isReady) {
      // not the task's fault, and no reason to try again at once
      const message = `can't start a worker process (${String(this.#options.modulePath)}): it ended before it took a task (${found})${told}`;
      this.#rejectReady(new FanlakeError('internal', message, { ...details, output }));
    }
    const outOfMemory = output.includes('heap out of memory');
    const advice = 'it is tried again; if it dies again, give it more memory or smaller tasks (run: --split-size)';
    const message = `can't finish a task: worker process ${pid} ended in the middle of it (${found}); ${advice}${told}`;
    this.#current?.reject(new FanlakeError(outOfMemory ? 'task.memory' : 'task.died', message, { ...details, output }));
    this.#current = undefined;
  }
}
