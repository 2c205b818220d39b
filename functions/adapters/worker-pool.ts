import type { ChildProcess } from 'node:child_process';
import { FanlakeError } from '../core/errors.ts';
import type { Queue } from '../core/ports.ts';
import { forkWorker } from './fork-worker.ts';
import type { LocalQueue } from './local-queue.ts';
import type { LocalDelivery } from './message-states.ts';
import { WorkerChild } from './worker-child.ts';

export interface WorkerPoolOptions<Message> {
  /** Whose messages the workers perform. */
  readonly queue: LocalQueue<Message>;
  /** Worker processes at most. */
  readonly workers: number;
  /** The module that each of them runs; it calls `serveWorker`. */
  readonly modulePath: string | URL;
  /** Options of Node for them. Default none. */
  readonly execArgv?: readonly string[];
  /** What each of them is told before its first task; see `workerSettings`. Default nothing. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A process that runs the module already and waits for its settings: it becomes the first worker. */
  readonly first?: ChildProcess | null;
  /** The queues that a worker may send to, by name. */
  readonly queues?: Readonly<Record<string, Queue<unknown>>>;
  /** Gets what they write to stdout and stderr. Default: stderr of this process, with the worker's number before each line. */
  readonly onOutput?: (line: string, worker: number) => void;
}

/** How often one that is killed while it starts is replaced. */
const maxKilledStarts = 5;

/**
 * Performs a queue's messages in worker processes, one message at a time each. A message is in flight as long as its worker lives: one whose worker
 * dies (killed, out of memory, exited) is visible again at once. Processes are started when there is something to do, or by `warm`.
 */
export class WorkerPool<Message> {
  readonly #options: WorkerPoolOptions<Message>;
  readonly #children = new Set<WorkerChild>();
  /** The one that was busy last is taken first: its caches are warm. */
  readonly #idle: WorkerChild[] = [];
  #started = 0;
  #closed = false;

  constructor(options: WorkerPoolOptions<Message>) {
    this.#options = options;
  }

  /** Begins to perform messages. */
  start(): void {
    this.#options.queue.consume((batch) => this.#perform(batch), { concurrency: this.#options.workers });
  }

  /**
   * Starts all processes ahead of the first message; resolves when all of them take tasks. One that is killed meanwhile is replaced.
   * @throws FanlakeError `internal` with what it wrote when one can't be started
   */
  async warm(): Promise<void> {
    while (this.#children.size < this.#options.workers) this.#idle.unshift(this.#spawn());
    await Promise.all([...this.#children].map((child) => this.#untilReady(child)));
  }

  /** @throws FanlakeError when it ends by itself: the next would too */
  async #untilReady(started: WorkerChild): Promise<void> {
    let child = started;
    for (let killed = 0; ; killed++) {
      try {
        return await child.ready;
      } catch (thrown) {
        if (this.#closed || killed >= maxKilledStarts || !child.wasKilled) throw thrown;
        child = this.#spawn();
        this.#idle.unshift(child);
      }
    }
  }

  /** Worker processes at most. */
  get workers(): number {
    return this.#options.workers;
  }

  get processIds(): readonly number[] {
    return [...this.#children].flatMap((child) => child.processId ?? []);
  }

  /** Lets the tasks under way finish, starts no others, then ends the processes. */
  async stop(): Promise<void> {
    await this.#options.queue.stop();
    await this.close();
  }

  /** Kills the processes of a pool that was only warmed: its queue is another's. */
  async discard(): Promise<void> {
    this.#closed = true;
    await this.#kill();
  }

  /** Kills the processes at once. The tasks under way go back to the queue, and none is handed out. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#options.queue.stop(), this.#kill()]);
  }

  async #kill(): Promise<void> {
    const children = [...this.#children];
    for (const child of children) child.kill();
    await Promise.all(children.map((child) => child.ended));
  }

  async #perform(batch: readonly LocalDelivery<Message>[]): Promise<undefined> {
    for (const delivery of batch) {
      const child = this.#take();
      try {
        await child.run(delivery);
      } catch (thrown) {
        if (!this.#closed) throw thrown;
        // it was killed by `close`: that is no failure of the task
        await delivery.release();
      } finally {
        if (child.isAlive) this.#idle.push(child);
      }
    }
  }

  #take(): WorkerChild {
    if (this.#closed) throw new FanlakeError('internal', `can't perform a task: the worker pool is closed`);
    for (let child = this.#idle.pop(); child !== undefined; child = this.#idle.pop()) if (child.isAlive) return child;
    return this.#spawn();
  }

  #spawn(): WorkerChild {
    this.#started += 1;
    const worker = this.#started;
    const { modulePath, execArgv = [], settings = {}, first = null, queues = {}, onOutput = writeOutput } = this.#options;
    const started = worker === 1 && first !== null ? first : forkWorker(modulePath, execArgv, process.env);
    const child = new WorkerChild({ modulePath, process: started, settings, queues, onOutput: (line) => onOutput(line, worker) });
    this.#children.add(child);
    void child.ended.then(() => this.#children.delete(child));
    return child;
  }
}

function writeOutput(line: string, worker: number): void {
  process.stderr.write(`[worker ${worker}] ${line}\n`);
}
