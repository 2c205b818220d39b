/** The functions that are deployed, wired to simulated ports as their handlers wire them to AWS; and the commands that act on a stack. */
import { askToRetry, askToRun } from '../../cli/stack/ask-stack.ts';
import { cancelOnStack } from '../../cli/stack/cancel-on-stack.ts';
import type { Asking } from '../../cli/stack/stack.ts';
import { identifyRun } from '../../cli/store/identify-run.ts';
import type { Place } from '../../cli/store/place.ts';
import { handleRequests } from '../../functions/coordinator/handle-request.ts';
import type { Inspector } from '../../functions/core/inspector.ts';
import type { Job } from '../../functions/core/job.ts';
import { jobFinder } from '../../functions/core/job-of-key.ts';
import { manyWorkers } from '../../functions/core/plan.ts';
import type { Delivery } from '../../functions/core/ports.ts';
import { readRequest } from '../../functions/core/request.ts';
import { announceRun } from '../../functions/lambda/announce-run.ts';
import { type DeadQueue, handleDeadLetter } from '../../functions/monitor/dead-letters.ts';
import { handleMonitor } from '../../functions/monitor/handle-monitor.ts';
import type { RunContext } from '../../functions/protocol/context.ts';
import { lookUpRun } from '../../functions/protocol/look-up-run.ts';
import { PlanCache } from '../../functions/protocol/plan-cache.ts';
import { TableLogs } from '../../functions/protocol/table-logs.ts';
import { handleCommits } from '../../functions/reducer/handle-commits.ts';
import type { Log } from '../../functions/runtime/log.ts';
import { Performer } from '../../functions/worker/perform-message.ts';
import type { AnyQueueName, Caller, QueueName } from './calls.ts';
import { simulatedComputer } from './computer.ts';
import { boundQuery } from './queries.ts';
import { type Disk, SimulatedAnnouncer, SimulatedClock, SimulatedQueue, SimulatedStore } from './simulated-ports.ts';

export type FunctionName = 'coordinator' | 'worker' | 'reducer' | 'monitor' | 'dead-letters';

/** Which function receives from a queue; nobody does from `undeliverable`. */
export const receiverOf: Readonly<Record<Exclude<AnyQueueName, 'undeliverable'>, FunctionName>> = {
  'requests': 'coordinator',
  'tasks': 'worker',
  'commits': 'reducer',
  'monitor': 'monitor',
  'requests-dead': 'dead-letters',
  'tasks-dead': 'dead-letters',
  'commits-dead': 'dead-letters',
  'monitor-dead': 'dead-letters',
  'merges': 'worker',
  'merges-dead': 'dead-letters',
};

/** Messages that a function gets at once. */
export const batchSizes: Readonly<Record<FunctionName, number>> = { coordinator: 3, worker: 1, reducer: 5, monitor: 3, 'dead-letters': 3 };

export const landingBucket = 'landing-bucket';

/** What is the same for all functions of a deployment. */
export interface Deployment {
  readonly jobs: readonly Job[];
  readonly splitBytes: number;
  readonly maxReceives: number;
  readonly guess: (key: string, start: number) => 'right' | 'wrong' | 'lost';
}

/** The run that a command is typed for. */
export interface CommandedRun {
  readonly table: string;
  readonly run: string;
  /** Of its object. */
  readonly key: string;
}

export interface Received extends Delivery<string> {
  readonly queue: Exclude<AnyQueueName, 'undeliverable'>;
}

const silent: Log = { about: () => silent, info: () => {}, warn: () => {}, failure: () => {}, count: () => {} };

const inspector: Inspector = {
  inferColumns: async () => [],
  unify: async ([first = []]) => first,
  parquetColumns: async () => [],
  bindQuery: async (sql) => boundQuery(sql),
};

/** Hears what a function logs, for a trace. */
export type Say = (line: string) => void;

function speaking(say: Say | null, about = ''): Log {
  if (say === null) return silent;
  return {
    about: (fields) => speaking(say, `${about} ${Object.values(fields).join(' ')}`),
    info: (message) => say(`${message}${about}`),
    warn: (message) => say(`${message}${about}`),
    failure: (message, thrown) => say(`${message}${about}: ${thrown instanceof Error ? thrown.message : String(thrown)}`),
    count: () => {},
  };
}

/** An environment in which a function lives: what it keeps from one invocation to the next goes with it. */
export class SimulatedFunction {
  private readonly context: RunContext;
  private readonly deployment: Deployment;
  private readonly log: Log;
  private readonly caller: Caller;
  private readonly logs: TableLogs;
  private readonly performer: Performer;
  private readonly findJob: ReturnType<typeof jobFinder>;

  constructor(caller: Caller, deployment: Deployment, say: Say | null) {
    const disk: Disk = new Map();
    const store = (root: 'landing' | 'work' | 'lake') => new SimulatedStore(root, caller, disk);
    const queue = <Message>(name: QueueName) => new SimulatedQueue<Message>(name, caller);
    this.caller = caller;
    this.deployment = deployment;
    this.log = speaking(say);
    this.findJob = jobFinder(deployment.jobs);
    this.context = {
      stores: { landing: store('landing'), work: store('work'), lake: store('lake') },
      tasks: queue('tasks'),
      merges: queue('merges'),
      commits: queue('commits'),
      monitor: queue('monitor'),
      clock: new SimulatedClock(caller),
      nonces: { next: () => caller.nonce() },
      announce: announceRun({ log: this.log, bus: new SimulatedAnnouncer(caller), stack: 'simulated' }),
    };
    this.logs = new TableLogs(this.context.stores.lake);
    this.performer = new Performer({
      ...this.context,
      computer: simulatedComputer({
        landing: this.context.stores.landing,
        work: this.context.stores.work,
        caller,
        disk,
        guess: deployment.guess,
      }),
      plans: new PlanCache(this.context.stores.work),
      requests: () => ({}),
      scratch: 'scratch',
      log: this.log,
      maxReceives: deployment.maxReceives,
    });
  }

  /**
   * Handles a batch of messages of one queue.
   * @returns the messages that must come again, each with why
   */
  async handle(name: FunctionName, deliveries: readonly Received[]): Promise<readonly { index: number; error: unknown }[]> {
    if (name === 'reducer') {
      const reducer = {
        ...this.context,
        logs: this.logs,
        requests: () => ({}),
        engineVersion: 'simulated',
        uploads: this.requests(),
        onCheckpoint: () => {},
      };
      return handleCommits(
        reducer,
        this.log,
        deliveries.map(({ body }) => body),
      );
    }
    const ended = await Promise.allSettled(deliveries.map((delivery) => this.handleOne(name, delivery)));
    return ended.flatMap((end, index) => (end.status === 'rejected' ? [{ index, error: end.reason as unknown }] : []));
  }

  private requests = <Message>() => new SimulatedQueue<Message>('requests', this.caller);

  private handleOne(name: Exclude<FunctionName, 'reducer'>, delivery: Received): Promise<void> {
    const { jobs, maxReceives } = this.deployment;
    switch (name) {
      case 'coordinator':
        return handleRequests(this.requestContext(), readRequest(delivery.body));
      case 'worker':
        return this.performer.perform(delivery);
      case 'monitor':
        return handleMonitor(this.context, this.log, delivery);
      case 'dead-letters': {
        const context = {
          ...this.context,
          landingBucket,
          jobs,
          findJob: this.findJob,
          requests: this.requests(),
          undeliverable: new SimulatedQueue<unknown>('undeliverable', this.caller),
          log: this.log,
          maxReceives,
        };
        return handleDeadLetter(context, { queue: delivery.queue.replace('-dead', '') as DeadQueue, body: delivery.body });
      }
    }
  }

  private requestContext() {
    const { landing, lake } = this.context.stores;
    return {
      coordinator: {
        ...this.context,
        requests: () => ({}),
        plan: { landing, lake, logs: this.logs, inspector, scratch: 'scratch', sizing: manyWorkers(this.deployment.splitBytes) },
      },
      landingBucket,
      jobs: this.deployment.jobs,
      findJob: this.findJob,
      log: this.log,
    };
  }

  /** What a command sees of the stack. Nobody listens to what it ends itself. */
  private get stack(): Asking & Place {
    const { stores } = this.context;
    return { name: 'simulated', stack: 'simulated', stores, context: { ...this.context, announce: null }, requests: this.requests() };
  }

  /**
   * `fanlake retry` on a stack, without its waiting.
   * @throws FanlakeError what kept it from that
   */
  async retry({ table, run }: CommandedRun): Promise<void> {
    const found = await lookUpRun(this.context.stores, table, run);
    if (found !== null && found.outcome?.outcome !== 'COMMITTED') await askToRetry(this.stack, found);
  }

  /**
   * `fanlake run` over an upload's object on a stack, without its waiting, and without its look for mistakes of job and query: that takes the engine.
   * @throws FanlakeError what kept it from that
   */
  async runAgain({ table, run, key }: CommandedRun): Promise<void> {
    const verdict = this.findJob(key);
    const object = await this.context.stores.landing.head(key);
    if (verdict.kind !== 'job' || object === null) return;
    const { job } = verdict;
    const identified = await identifyRun(this.stack, { job, table, objects: [object], again: false });
    // overwritten since: it is another run
    if (identified.run !== run) return;
    await askToRun(this.stack, { run, job, table, objects: [object], splitBytes: null }, identified.found, async () => {});
  }

  /**
   * `fanlake cancel` on a stack.
   * @param patienceMs how long it waits for the stack's monitor; absent: as the command does
   */
  async cancel({ table, run }: CommandedRun, patienceMs?: number): Promise<void> {
    const found = await lookUpRun(this.context.stores, table, run);
    if (found !== null) await cancelOnStack(this.stack, found, patienceMs);
  }
}
