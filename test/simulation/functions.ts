/** The functions that are deployed, wired to simulated ports as their handlers wire them to AWS. */
import { handleRequests } from '../../functions/coordinator/handle-request.ts';
import type { Inspector } from '../../functions/core/inspector.ts';
import type { Job } from '../../functions/core/job.ts';
import { jobFinder } from '../../functions/core/job-of-key.ts';
import { manyWorkers } from '../../functions/core/plan.ts';
import type { Delivery } from '../../functions/core/ports.ts';
import { readRequest } from '../../functions/core/request.ts';
import { uploadRun } from '../../functions/core/upload.ts';
import { announceRun } from '../../functions/lambda/announce-run.ts';
import { type DeadQueue, handleDeadLetter } from '../../functions/monitor/dead-letters.ts';
import { handleMonitor } from '../../functions/monitor/handle-monitor.ts';
import { noteAsked } from '../../functions/protocol/asked-epoch.ts';
import { cancelRun, type EndRun } from '../../functions/protocol/cancel-run.ts';
import type { RunContext } from '../../functions/protocol/context.ts';
import { readDecision } from '../../functions/protocol/documents.ts';
import { fulfilDuties } from '../../functions/protocol/duties.ts';
import { type FoundRun, lookUpRun } from '../../functions/protocol/look-up-run.ts';
import { PlanCache } from '../../functions/protocol/plan-cache.ts';
import { type RunRequest, writeRunRequest } from '../../functions/protocol/run-request.ts';
import { sendAll } from '../../functions/protocol/send.ts';
import { TableLogs } from '../../functions/protocol/table-logs.ts';
import { type Asked, findWayOn } from '../../functions/protocol/take-up-run.ts';
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

  /**
   * `fanlake retry`, or `fanlake run` once more over an upload's object, on a stack: a message to the coordinator.
   * @throws FanlakeError what kept it from that
   */
  async takeUp(
    { table, run, key }: { readonly table: string; readonly run: string; readonly key: string },
    runsAgain: boolean,
  ): Promise<void> {
    const { stores } = this.context;
    const found = await lookUpRun(stores, table, run);
    if (found === null || found.outcome?.outcome === 'COMMITTED') return;
    const asked = runsAgain ? await this.asked(table, run, key) : null;
    await this.haveEndAnnounced(found);
    const { kind, epoch } = await findWayOn({ ...this.context, announce: null }, found, asked);
    if (asked !== null && kind === 'under way') return;
    const anew = asked === null ? null : await writeRunRequest(stores.work, { ...asked.request, epoch });
    const message = kind === 'anew' && anew !== null ? anew : { kind: 'retry', run, epoch, table, request: anew?.request ?? null };
    if (epoch > 0) await noteAsked(stores.work, { run, epoch });
    await sendAll(this.requests(), [message]);
  }

  /** As cli/stack/have-end-announced.ts. */
  private async haveEndAnnounced({ run, epoch, table, plan, outcome }: FoundRun): Promise<void> {
    if (plan !== null || outcome !== null) return;
    const decision = await readDecision(this.context.stores.lake, table, { run, epoch });
    if (decision === null || decision.kind === 'commit') return;
    await sendAll(this.requests(), [{ kind: 'retry', run, epoch, table, request: null }]);
  }

  private async asked(table: string, id: string, key: string): Promise<(Asked & { readonly request: RunRequest }) | null> {
    const verdict = this.findJob(key);
    const object = await this.context.stores.landing.head(key);
    // overwritten since: it would be another run
    if (verdict.kind !== 'job' || object === null || uploadRun({ job: verdict.job, object }) !== id) return null;
    const { job } = verdict;
    const request: RunRequest = { job, run: id, epoch: 0, table, objects: [object], splitBytes: null };
    // by the coordinator
    const plan = () => Promise.reject(new Error('a command on a stack plans nothing'));
    return { job, splitBytes: null, plan, request };
  }

  /** `fanlake cancel`. */
  async cancel(table: string, run: string): Promise<void> {
    const found = await lookUpRun(this.context.stores, table, run);
    // nobody listens to a command
    const context: RunContext = { ...this.context, announce: null };
    const end: EndRun = async ({ epoch, plan }, decision) => {
      // the monitor is asked first, and tells of it
      if (plan !== null && decision.kind !== 'commit') await sendAll(context.monitor, [{ kind: 'monitor', run, epoch }]);
      await this.haveEndAnnounced({ run, epoch, table, plan, outcome: null });
      await fulfilDuties(context, decision);
    };
    if (found !== null) await cancelRun(context, found, end);
  }
}
