import { EventEmitter, once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalQueue } from '../../functions/adapters/local-queue.ts';
import { systemClock, systemNonces } from '../../functions/adapters/system-clock.ts';
import { WorkerPool } from '../../functions/adapters/worker-pool.ts';
import type { CoordinatorContext } from '../../functions/coordinator/plan-run.ts';
import { asFanlakeError, type FanlakeError } from '../../functions/core/errors.ts';
import type { MergeMessage } from '../../functions/core/merge-task.ts';
import { type Plan, wholeObjects } from '../../functions/core/plan.ts';
import type { CommitMessage, MonitorMessage, TaskMessage } from '../../functions/core/task.ts';
import type { EngineShare } from '../../functions/engine/engine-share.ts';
import { type EngineInspector, engineInspector } from '../../functions/engine/inspector.ts';
import { nextTickMs, watchEpoch } from '../../functions/monitor/tick.ts';
import { buryTask } from '../../functions/protocol/bury-task.ts';
import { PlanCache } from '../../functions/protocol/plan-cache.ts';
import { dispatchPage } from '../../functions/protocol/start-epoch.ts';
import { TableLogs } from '../../functions/protocol/table-logs.ts';
import type { ReducerContext } from '../../functions/reducer/commit-candidate.ts';
import { commitRuns } from '../../functions/reducer/commit-runs.ts';
import { takeFirstWorker, workerModule } from './first-worker.ts';
import { type Home, openHome, ownScratch } from './home.ts';
import { localSizing } from './local-sizing.ts';
import { inspectorMemoryBytes } from './machine.ts';
import { sweepScratch } from './sweep-scratch.ts';
import { maxReceives, TaskQueues } from './task-queues.ts';
import { fanlakeVersion } from './version.ts';
import { encodeSettings } from './worker-settings.ts';

/** A commit that failed so often, half a minute long, won't succeed: what is decided and done stays, and the same command goes on from there. */
const maxCommitReceives = 8;
/** Runs that one commit takes at most. */
const commitBatch = 1_000;

/** What a process of a live command shares with nobody: queues in memory, a pool of worker processes. Only the store is durable. */
export class LocalFanlake {
  readonly home: Home;
  readonly context: CoordinatorContext;
  private readonly scratch: string;
  private readonly inspector: EngineInspector;
  private readonly tasks = new TaskQueues();
  private readonly commits = new LocalQueue<CommitMessage>('commits');
  private readonly monitor = new LocalQueue<MonitorMessage>('monitor');
  private readonly events = new EventEmitter();
  private pool: WorkerPool<TaskMessage | MergeMessage> | null = null;
  private failure: FanlakeError | null = null;
  private pauseBetweenCommits = (): number => 0;
  private readonly closing = new AbortController();

  constructor(homeFolder: string) {
    this.home = openHome(homeFolder);
    sweepScratch(this.home);
    this.scratch = ownScratch(this.home);
    this.inspector = engineInspector(this.scratch, inspectorMemoryBytes());
    const { stores, requests } = this.home;
    this.context = {
      stores,
      tasks: this.tasks,
      merges: this.tasks.merges,
      commits: this.commits,
      monitor: this.monitor,
      clock: systemClock,
      nonces: systemNonces,
      announce: null,
      sizing: localSizing(),
      requests,
      plan: {
        landing: stores.landing,
        lake: stores.lake,
        inspector: this.inspector,
        scratch: this.scratch,
        logs: new TableLogs(stores.lake),
        sizing: wholeObjects,
      },
    };
  }

  /** Starts worker processes of which it isn't sure yet that there will be so many: they load while something else is done. */
  prepare(workers: number, share: EngineShare): void {
    this.pool = this.makePool(workers, share);
    // whoever gives them the first task hears of it
    void this.pool?.warm().catch(() => {});
  }

  /** Begins to work: from here on messages are received. */
  start(workers: number, share: EngineShare): void {
    if (this.pool === null || this.pool.workers !== workers) {
      void this.pool?.discard();
      this.pool = this.makePool(workers, share);
    }
    if (this.pool === null) return;
    this.pool.start();
    this.consumeCommits();
    this.consumeTasks();
    this.consumeMonitor();
  }

  private makePool(workers: number, share: EngineShare): WorkerPool<TaskMessage | MergeMessage> | null {
    // an interrupted command may still get here: it is to start nothing any more
    if (this.closing.signal.aborted) return null;
    return new WorkerPool({
      queue: this.tasks.tasks,
      workers,
      modulePath: workerModule,
      settings: encodeSettings({ home: this.home.path, share }),
      first: takeFirstWorker(),
      queues: { tasks: this.tasks, merges: this.tasks.merges, commits: this.commits, monitor: this.monitor },
    });
  }

  /** Starts the worker processes ahead of the first task. */
  async warm(): Promise<void> {
    await this.pool?.warm();
  }

  /** Tasks that are neither done nor failed: waiting or in work. */
  get openTasks(): number {
    return this.tasks.open;
  }

  /** Merge tasks of a plan that were sent, done or not. */
  mergeTasksOf({ nonce }: Plan): number {
    return this.tasks.mergesSent(nonce);
  }

  get workerIds(): readonly number[] {
    return this.pool?.processIds ?? [];
  }

  /**
   * Waits until something may have ended, `ms` at most.
   * @throws FanlakeError when this process can't go on (a full disk, a folder that can't be written)
   */
  async nextEvent(ms: number): Promise<void> {
    if (this.failure === null) {
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), ms);
      await once(this.events, 'progress', { signal: abort.signal }).catch(() => {});
      clearTimeout(timer);
    }
    if (this.failure !== null) throw this.failure;
  }

  /** Lets the reducer pause between two batches of commits, so that a flood of runs shares few log entries. */
  paceCommits(pauseMs: () => number): void {
    this.pauseBetweenCommits = pauseMs;
  }

  /** Calls `listener` with the runs of each batch that the reducer is through with: those that were ready have an outcome. */
  onJudged(listener: (messages: readonly CommitMessage[]) => void): void {
    this.events.on('judged', listener);
  }

  /** Ends the workers and forgets the queues: the store has everything that is needed to go on. */
  async close(): Promise<void> {
    this.closing.abort();
    const workers = this.workerIds;
    await this.pool?.close();
    // they were killed, and can't clean up behind themselves
    for (const pid of workers) rmSync(join(this.home.scratch, String(pid)), { recursive: true, force: true });
    await Promise.all([this.commits.stop(), this.monitor.stop(), this.tasks.stop()]);
    await this.inspector.close();
    rmSync(this.scratch, { recursive: true, force: true });
  }

  private consumeCommits(): void {
    const context: ReducerContext = {
      ...this.context,
      logs: this.context.plan.logs,
      engineVersion: fanlakeVersion,
      uploads: null,
      onCheckpoint: null,
    };
    this.commits.consume(
      async (batch) => {
        const failed = await commitRuns(
          context,
          batch.map(({ body }) => body),
        );
        for (const { index, error } of failed) this.giveUpIfHopeless(error, batch[index]?.receiveCount ?? 1);
        const again = new Set(failed.map(({ index }) => index));
        this.events.emit(
          'judged',
          batch.flatMap(({ body }, index) => (again.has(index) ? [] : [body])),
        );
        this.events.emit('progress');
        const pauseMs = this.pauseBetweenCommits();
        if (pauseMs > 0 && !this.closing.signal.aborted) await sleep(pauseMs, undefined, { signal: this.closing.signal }).catch(() => {});
        return failed.map(({ index }) => index);
      },
      { batchSize: commitBatch },
    );
  }

  private consumeTasks(): void {
    const plans = new PlanCache(this.home.stores.work);
    const orGiveUp = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (thrown) {
        // not even its failure can be recorded: nothing on this machine can go on
        if (!this.closing.signal.aborted) this.giveUp(asFanlakeError(thrown));
      }
    };
    this.tasks.consume(
      (message) => orGiveUp(async () => dispatchPage(this.context, await plans.get(message), message.page, false)),
      (message, last) =>
        orGiveUp(async () => {
          await buryTask(this.context, message, maxReceives, last);
        }),
    );
  }

  private consumeMonitor(): void {
    this.monitor.consume(async ([delivery]) => {
      if (delivery === undefined) return [];
      const ended = await watchEpoch(this.context, delivery.body);
      if (!ended) await delivery.retryIn(nextTickMs(delivery.receiveCount));
      return [];
    });
  }

  private giveUpIfHopeless(thrown: unknown, receiveCount: number): void {
    const error = asFanlakeError(thrown);
    if (!error.retryable || error.code === 'internal' || receiveCount >= maxCommitReceives) this.giveUp(error);
  }

  private giveUp(error: FanlakeError): void {
    this.failure ??= error;
    this.events.emit('progress');
  }
}
