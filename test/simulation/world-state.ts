import { type ErrorCode, FanlakeError } from '../../functions/core/errors.ts';
import { type EpochId, runsPrefix } from '../../functions/core/keys.ts';
import type { Part } from '../../functions/core/part.ts';
import type { Actor, Environment, Held, Place, WorkQueueName } from './actor.ts';
import { type AnyQueueName, type Call, describeCall, isRead, queueNames, type StoreCall } from './calls.ts';
import { checkpointKey } from './checkpoints.ts';
import { foreignTable } from './foreign-writer.ts';
import type { Deployment } from './functions.ts';
import { Invariants, type LandedUpload, rangeId } from './invariants.ts';
import { beginMs, secondMs } from './limits.ts';
import { QueueState } from './queue-state.ts';
import { Random } from './random.ts';
import type { Scenario } from './scenario.ts';
import { type FaultName, laterFaultNames, type ReachedName } from './scenario-faults.ts';
import { StoreState } from './store-state.ts';
import { Violation } from './violation.ts';

/** More deliveries than faults can use up: behind a hundred failures of its own a dead letter is a person's. */
const endlessReceives = 1_000;

/** A task that wasn't done in time is delivered so often (docs/runbook.md tells of it). */
const timeoutsPerTask = 2;

const partPattern = /^runs\/([^/]+)\/e(\d+)\/parts\/[^/]+\/s\d+\/\d+\/\d+$/;
/** Of what never succeeded, not of what is wrong with the input. */
const givenUpCodes: ReadonlySet<string> = new Set(['task.died', 'task.memory', 'task.timeout', 'store.failed', 'internal']);

/** What a world consists of, and what a call does to it. Who is at work, and what happens next, is decided by those that have it. */
export class WorldState implements Place {
  readonly scenario: Scenario;
  readonly deployment: Deployment;
  readonly isTraced: boolean;
  readonly trace: string[] = [];
  readonly random: Random;
  nowMs = beginMs;
  steps = 0;
  readonly roots: { readonly landing: StoreState; readonly work: StoreState; readonly lake: StoreState };
  readonly queues: Readonly<Record<AnyQueueName, QueueState>>;
  readonly uploads = new Map<string, LandedUpload>();
  /** The runs of the uploads, by their number. */
  readonly runOfUpload: string[] = [];
  readonly excuses = {
    givenUpRanges: new Set<string>(),
    givenUpEpochs: new Set<string>(),
    expired: new Set<string>(),
    cancelled: new Set<string>(),
    overwritten: new Set<string>(),
    changedTables: new Set<string>(),
    changesSince: new Map<string, number>(),
    vacuumed: new Set<string>(),
    troubleMs: new Map<string, number>(),
    clockErrorMs: 0,
  };
  readonly invariants: Invariants;
  /** Epochs whose end the world was told of: `<run>/e<epoch>`. */
  private readonly announced = new Set<string>();
  actors: Actor[] = [];
  /** Warm environments that nobody uses. */
  idle: Environment[] = [];
  /** Requests that were taken for lost and arrive late. */
  late: { readonly atMs: number; readonly call: StoreCall; readonly actor: Actor }[] = [];
  /** Stores and queues that refuse everything for a while, by {@link placeOf}. */
  readonly throttledUntilMs = new Map<string, number>();
  /** Rare things that have happened here. */
  readonly reached = new Set<ReachedName>();
  readonly faultCounts: Record<string, number> = {};
  private messageId = 0;
  private nonceNumber = 0;

  constructor(scenario: Scenario, isTraced: boolean) {
    this.scenario = scenario;
    this.deployment = scenario.deployment;
    this.isTraced = isTraced;
    this.random = new Random(scenario.schedule ^ 0x5bd1e995);
    this.roots = { landing: new StoreState(scenario.isVersioned), work: new StoreState(false), lake: new StoreState(false) };
    const queues: Partial<Record<AnyQueueName, QueueState>> = { undeliverable: new QueueState(Number.POSITIVE_INFINITY, null) };
    for (const name of queueNames) {
      const dead = new QueueState(endlessReceives, null);
      queues[`${name}-dead`] = dead;
      queues[name] = new QueueState(name === 'monitor' ? endlessReceives : scenario.deployment.maxReceives, dead);
    }
    this.queues = queues as Record<AnyQueueName, QueueState>;
    for (const { table, checkpointInterval } of scenario.tables) {
      const { key, text } = foreignTable(table, checkpointInterval);
      this.roots.lake.apply({ root: 'lake', kind: 'create', key, body: Buffer.from(text) }, beginMs);
    }
    this.invariants = new Invariants(this.roots, this.uploads, this.excuses, this.announced);
  }

  say(actor: Actor | null, line: string | (() => string)): void {
    if (!this.isTraced) return;
    const text = typeof line === 'string' ? line : line();
    const seconds = ((this.nowMs - beginMs) / secondMs).toFixed(2);
    this.trace.push(`${seconds.padStart(12)} s  ${(actor?.name ?? 'world').padEnd(18)} ${text}`);
  }

  nextNonce(): string {
    return (++this.nonceNumber).toString(16).padStart(12, '0');
  }

  noteClockError(ms: number): void {
    this.excuses.clockErrorMs = Math.max(this.excuses.clockErrorMs, Math.abs(ms));
  }

  /**
   * @param runs those that a fault would touch
   * @param weight how much likelier than elsewhere
   */
  isFaulty(name: FaultName, runs: readonly string[], weight = 1): boolean {
    const likely = this.scenario.faults[name];
    // nothing is drawn for one that was added later, so that worlds without it stay as they were
    if (likely === 0 && laterFaultNames.some((later) => later === name)) return false;
    if (this.steps > this.scenario.faultSteps || !this.random.chance(weight * likely)) return false;
    this.trouble(runs);
    this.faultCounts[name] = (this.faultCounts[name] ?? 0) + 1;
    return true;
  }

  /** Something goes wrong with some runs, or is done to them from outside. */
  trouble(runs: Iterable<string>): void {
    for (const run of runs) this.excuses.troubleMs.set(run, this.nowMs);
  }

  apply(actor: Actor | null, call: Call): unknown {
    switch (call.kind) {
      case 'send':
        return this.send(actor, call.queue, call.bodies, call.delayMs);
      case 'announce':
        this.announce(actor, call.detail);
        return undefined;
      case 'sleep':
      case 'compute':
        this.say(actor, () => describeCall(call));
        return undefined;
      default:
        return this.applyToStore(actor, call);
    }
  }

  private announce(actor: Actor | null, detail: string): void {
    const { run, epoch } = JSON.parse(detail) as EpochId;
    this.announced.add(`${run}/e${epoch}`);
    this.say(actor, `announces the end of ${run}/e${epoch}`);
  }

  /** What nobody gets an answer of. */
  applyUnanswered(actor: Actor | null, call: Call): void {
    try {
      this.apply(actor, call);
    } catch (thrown) {
      if (!(thrown instanceof FanlakeError)) throw thrown;
    }
  }

  applyToStore(actor: Actor | null, call: StoreCall): unknown {
    const { root } = call;
    const state = this.roots[root];
    const key = 'key' in call ? call.key : call.kind === 'copy' ? call.to : '';
    const existed = state.objects.has(key);
    const answer = state.apply(call, this.nowMs);
    this.say(actor, () => `${describeCall(call)}${answer === null || answer === false ? ': no' : ''}`);
    if ((call.kind === 'get' || call.kind === 'create') && answer !== null && checkpointKey.test(key))
      this.reached.add(call.kind === 'get' ? 'a checkpoint is read' : 'a checkpoint is written');
    if (root === 'landing' || isRead(call)) return answer;
    if (call.kind === 'delete') this.invariants.deleted(root, key);
    else if (answer !== null && answer !== false) {
      const body = state.objects.get(key)?.body ?? Buffer.of();
      if (root === 'work' && actor !== null) this.noteGivenUp(actor, key, body);
      this.invariants.written(root, key, body, existed);
    }
    return answer;
  }

  /** Whether an error is no more than what the expiry of a run's own work root must lead to. */
  isExcused(run: string | undefined, { message }: FanlakeError): boolean {
    return run !== undefined && this.excuses.expired.has(run) && message.includes(` gone from work:${runsPrefix}${run}/`);
  }

  /** A task may be given up only when a fault has touched each of its deliveries. */
  private noteGivenUp(actor: Actor, key: string, body: Buffer): void {
    const [, run, epoch] = partPattern.exec(key) ?? [];
    if (run === undefined) return;
    const part = JSON.parse(body.toString()) as Part;
    if (part.kind !== 'failed' || !givenUpCodes.has(part.error.code)) return;
    const [held] = actor.held;
    const isUntouched = held !== undefined && held.message.undisturbed > 0;
    if (isUntouched && !this.excuses.expired.has(run))
      throw new Violation('nothing is given up that no fault has touched', `${actor.name}: ${key}`);
    if (held !== undefined && !this.isLastDelivery(held, part.error.code))
      throw new Violation('nothing is given up before its last delivery', `${actor.name}: ${key} (receive ${held.receive})`);
    this.excuses.givenUpEpochs.add(`${run}/e${epoch}`);
    for (const range of part.missing) this.excuses.givenUpRanges.add(rangeId(run, range));
  }

  /** Whether a task's queue has delivered it as often as it does; what wasn't done in time isn't tried so often. Behind a dead letter it has. */
  private isLastDelivery({ queue, receive }: Held, code: ErrorCode): boolean {
    const isDead = queue !== 'tasks' && queue !== 'merges';
    return isDead || receive >= (code === 'task.timeout' ? timeoutsPerTask : this.deployment.maxReceives);
  }

  /** @returns the messages that a fault kept from the queue */
  send(
    actor: Actor | null,
    queue: AnyQueueName,
    bodies: readonly string[],
    delayMs: number,
  ): readonly { readonly index: number; readonly reason: string }[] {
    const failed = bodies.flatMap((_, index) =>
      actor !== null && this.isFaulty('send-in-part', actor.runs) ? [{ index, reason: 'simulated' }] : [],
    );
    if (failed.length > 0 && actor !== null) actor.isDisturbed = true;
    const out = new Set(failed.map(({ index }) => index));
    for (const [index, body] of bodies.entries()) {
      if (out.has(index)) continue;
      const reason = this.queues[queue].send(++this.messageId, body, this.nowMs, delayMs);
      if (reason !== null) throw new Violation('every message can be sent', reason);
      this.say(actor, () => `sent to ${queue} #${this.messageId}: ${body.slice(0, 200)}`);
    }
    return failed;
  }

  /** An actor that is not there any more: its calls are never answered. */
  leave(actor: Actor): void {
    actor.isOver = true;
    actor.environment.actor = null;
    actor.pending = [];
    this.actors = this.actors.filter((one) => one !== actor);
  }

  /** A message that was handled is gone; where a function of ours did so, what it promised by that is checked. */
  acknowledge(queue: WorkQueueName, id: number, body: string): void {
    this.queues[queue].delete(id);
    if (queue !== 'tasks' && queue !== 'tasks-dead' && queue !== 'merges' && queue !== 'merges-dead') return;
    this.invariants.acknowledgedTask(
      body,
      [this.queues.tasks, this.queues['tasks-dead'], this.queues.merges, this.queues['merges-dead']],
      [this.queues.commits, this.queues['commits-dead']],
    );
  }
}
