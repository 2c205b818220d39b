import { asFanlakeError, FanlakeError } from '../../functions/core/errors.ts';
import { outcomeKey, planKey, runsPrefix } from '../../functions/core/keys.ts';
import { tableKeyOf, uploadRun } from '../../functions/core/upload.ts';
import { type AnyQueueName, type Call, type Caller, describeCall, isRead, queueNames, type StoreCall } from './calls.ts';
import { foreignEntry, vacuum } from './foreign-writer.ts';
import { batchSizes, type FunctionName, type Received, receiverOf, SimulatedFunction } from './functions.ts';
import { Invariants, type LandedUpload } from './invariants.ts';
import { type QueuedMessage, QueueState } from './queue-state.ts';
import { Random } from './random.ts';
import type { Outside, Scenario } from './scenario.ts';
import type { FaultName } from './scenario-faults.ts';
import { storeFailed } from './simulated-ports.ts';
import { StoreState } from './store-state.ts';
import { uploadEvent } from './upload-event.ts';
import { Violation } from './violation.ts';

type WorkQueueName = Exclude<AnyQueueName, 'undeliverable'>;

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
/** A function of Lambda is killed then. */
const functionLimitMs = 15 * minuteMs;
/** How long a message stays hidden behind the last sign of life of the function that has it. */
const invisibleMs = 30 * secondMs;
/** Functions at work on a queue at once. */
const mostAtOnce: Readonly<Record<FunctionName, number>> = { coordinator: 2, worker: 3, reducer: 2, monitor: 2, 'dead-letters': 2 };
/** A world that isn't at rest after so many steps never will be. */
const mostSteps = 40_000;
/** What a VACUUM of another writer keeps, if its user leaves the default. */
const vacuumAgeMs = 7 * 24 * 60 * minuteMs;
/** The least that a work root keeps objects for (infra/sizes.ts). */
const expiryMs = 22 * 24 * 60 * minuteMs;
const longestWaitMs = 12 * 60 * minuteMs;
const beginMs = Date.UTC(2026, 0, 1);

const failedPartKey = /^runs\/([^/]+)\/e(\d+)\/parts\/[^/]+\/s0\/\d+\/(\d+)$/;
/** Of what never succeeded, not of what is wrong with the input. */
const givenUpCodes: ReadonlySet<string> = new Set(['task.died', 'task.memory', 'task.timeout', 'store.failed', 'internal']);

interface Pending {
  readonly call: Call;
  readonly answer: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
  /** Not answered before. */
  readonly notBeforeMs: number;
}

interface Held {
  readonly queue: WorkQueueName;
  readonly message: QueuedMessage;
  readonly receive: number;
  isGivenBack: boolean;
}

/** Something that is under way: an invocation of a function, or a command. */
class Actor {
  readonly name: string;
  readonly environment: Environment;
  readonly held: readonly Held[];
  readonly startedMs: number;
  readonly skewMs: number;
  pending: Pending[] = [];
  frozenUntilMs = 0;
  /** May outlive a function's time: its machine was asleep. */
  isZombie = false;
  isDisturbed = false;
  isOver = false;

  constructor(name: string, environment: Environment, held: readonly Held[], startedMs: number, skewMs: number) {
    this.name = name;
    this.environment = environment;
    this.held = held;
    this.startedMs = startedMs;
    this.skewMs = skewMs;
  }
}

/** The environment of a function, warm between invocations. */
class Environment implements Caller {
  readonly function: FunctionName | 'command';
  readonly code: SimulatedFunction;
  actor: Actor | null = null;
  private readonly world: World;

  constructor(world: World, name: FunctionName | 'command') {
    this.world = world;
    this.function = name;
    this.code = new SimulatedFunction(this, world.scenario.deployment, world.trace === null ? null : (line) => world.say(this.actor, line));
  }

  call(call: Call): Promise<unknown> {
    const { actor } = this;
    // the environment of a killed function: nobody is there to ask
    if (actor === null) return new Promise(() => {});
    return new Promise((answer, fail) => {
      const notBeforeMs = call.kind === 'sleep' ? this.world.nowMs + call.ms : 0;
      actor.pending.push({ call, answer, fail, notBeforeMs });
    });
  }

  now(): number {
    return this.world.nowMs + (this.actor?.skewMs ?? 0);
  }

  nonce(): string {
    return this.world.nextNonce();
  }
}

interface Event {
  readonly weight: number;
  readonly happen: () => void;
}

export interface Report {
  readonly steps: number;
  readonly virtualMs: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly violation: Violation | null;
}

/** One world: stores, queues, functions and what happens to them, all decided by one seed. */
export class World {
  readonly scenario: Scenario;
  readonly trace: string[] | null;
  nowMs = beginMs;
  private readonly random: Random;
  private readonly roots: { readonly landing: StoreState; readonly work: StoreState; readonly lake: StoreState };
  private readonly queues: Readonly<Record<AnyQueueName, QueueState>>;
  private readonly uploads = new Map<string, LandedUpload>();
  private readonly runOfUpload: (string | undefined)[] = [];
  private readonly eventOfUpload: string[] = [];
  private readonly excuses = {
    givenUpTasks: new Set<string>(),
    givenUpRequests: new Set<string>(),
    expired: new Set<string>(),
    cancelled: new Set<string>(),
    overwritten: new Set<string>(),
    changedTables: new Set<string>(),
  };
  private readonly invariants: Invariants;
  private actors: Actor[] = [];
  private idle: Environment[] = [];
  private outside: Outside[];
  /** Requests that were taken for lost and arrive late. */
  private late: { readonly atMs: number; readonly call: StoreCall; readonly actor: Actor }[] = [];
  private readonly faultCounts: Record<string, number> = {};
  private steps = 0;
  private messageId = 0;
  private nonceNumber = 0;
  private actorNumber = 0;

  constructor(scenario: Scenario, isTraced = false) {
    this.scenario = scenario;
    this.trace = isTraced ? [] : null;
    this.random = new Random(scenario.schedule ^ 0x5bd1e995);
    this.outside = [...scenario.outside].sort((a, b) => a.afterMs - b.afterMs);
    this.roots = { landing: new StoreState(scenario.isVersioned), work: new StoreState(false), lake: new StoreState(false) };
    const queues: Partial<Record<AnyQueueName, QueueState>> = { undeliverable: new QueueState(Number.POSITIVE_INFINITY, null) };
    for (const name of queueNames) {
      // more than faults can use up: behind a hundred failures of its own a dead letter is a person's
      const dead = new QueueState(1_000, null);
      queues[`${name}-dead`] = dead;
      queues[name] = new QueueState(name === 'monitor' ? 1_000 : scenario.deployment.maxReceives, dead);
    }
    this.queues = queues as Record<AnyQueueName, QueueState>;
    this.invariants = new Invariants(this.roots, this.uploads, this.excuses);
  }

  /** Lets everything happen until nothing is left to. */
  async run(): Promise<Report> {
    let violation: Violation | null = null;
    try {
      while (this.step()) await this.settle();
      this.invariants.atRest();
      this.checkQueues();
    } catch (thrown) {
      if (!(thrown instanceof Violation)) throw thrown;
      violation = thrown;
      this.say(null, `VIOLATION ${thrown.message}`);
    }
    return { steps: this.steps, virtualMs: this.nowMs - beginMs, faults: this.faultCounts, outcomes: this.outcomes(), violation };
  }

  say(actor: Actor | null, line: string): void {
    this.trace?.push(`${((this.nowMs - beginMs) / secondMs).toFixed(2).padStart(12)} s  ${(actor?.name ?? 'world').padEnd(18)} ${line}`);
  }

  nextNonce(): string {
    return (++this.nonceNumber).toString(16).padStart(12, '0');
  }

  // --- what may happen next

  /** @returns false when nothing can happen any more */
  private step(): boolean {
    this.steps += 1;
    if (this.steps > mostSteps) throw new Violation('every world comes to rest', `not within ${mostSteps} steps`);
    this.moveTo(this.nowMs + this.random.below(40));
    const events = this.events();
    const timed = this.nextTimeMs();
    // what can happen at once doesn't wait for weeks: a queue keeps a message for two
    const mayWait = timed !== null && timed - this.nowMs < longestWaitMs && this.random.chance(0.01);
    if (events.length > 0 && !mayWait) {
      events[this.random.weighted(events.map(({ weight }) => weight))]?.happen();
      return true;
    }
    if (timed !== null) this.moveTo(timed);
    return events.length > 0 || timed !== null;
  }

  private events(): readonly Event[] {
    const events: Event[] = [];
    for (const actor of this.actors) {
      if (actor.frozenUntilMs > this.nowMs) continue;
      for (const pending of actor.pending) {
        if (pending.notBeforeMs <= this.nowMs) events.push({ weight: 4, happen: () => this.answer(actor, pending) });
      }
    }
    for (const queue of Object.keys(receiverOf) as WorkQueueName[]) {
      const visible = this.queues[queue].visible(this.nowMs);
      if (visible.length === 0 || !this.hasRoom(receiverOf[queue])) continue;
      events.push({ weight: 2, happen: () => this.deliver(queue, visible) });
    }
    const [next] = this.outside;
    if (next !== undefined && beginMs + next.afterMs <= this.nowMs) {
      events.push({ weight: 1, happen: () => this.happenOutside(next) });
    }
    const [late] = this.late;
    if (late !== undefined && late.atMs <= this.nowMs) events.push({ weight: 2, happen: () => this.arriveLate(late) });
    if (this.steps % 3 === 0 && this.isFaulty('visibility-expires')) {
      const held = this.actors.flatMap((actor) => actor.held.map((one) => ({ actor, one }))).filter(({ one }) => !one.isGivenBack);
      if (held.length > 0) events.push({ weight: 8, happen: () => this.showEarly(this.random.pick(held)) });
    }
    return events;
  }

  private hasRoom(name: FunctionName): boolean {
    const busy = this.actors.filter(({ environment, isZombie }) => environment.function === name && !isZombie).length;
    return busy < mostAtOnce[name];
  }

  /** When something can happen that can't now. */
  private nextTimeMs(): number | null {
    const times: number[] = [];
    for (const actor of this.actors) {
      if (actor.frozenUntilMs > this.nowMs) times.push(actor.frozenUntilMs);
      for (const { notBeforeMs } of actor.pending) if (notBeforeMs > this.nowMs) times.push(notBeforeMs);
    }
    for (const queue of Object.keys(receiverOf) as WorkQueueName[]) {
      const next = this.queues[queue].nextMs(this.nowMs);
      if (next !== null) times.push(next);
    }
    for (const { atMs } of this.late) if (atMs > this.nowMs) times.push(atMs);
    const [outside] = this.outside;
    if (outside !== undefined && beginMs + outside.afterMs > this.nowMs) times.push(beginMs + outside.afterMs);
    return times.length === 0 ? null : Math.min(...times);
  }

  private moveTo(ms: number): void {
    this.nowMs = Math.max(this.nowMs, ms);
    for (const actor of [...this.actors]) {
      if (actor.frozenUntilMs > this.nowMs) continue;
      if (this.nowMs - actor.startedMs > functionLimitMs && !actor.isZombie && actor.environment.function !== 'command') {
        this.kill(actor, 'its fifteen minutes are over');
        continue;
      }
      // signs of life
      for (const { message, isGivenBack } of actor.held) {
        if (!isGivenBack) message.visibleMs = Math.max(message.visibleMs, this.nowMs + invisibleMs);
      }
    }
  }

  private isFaulty(name: FaultName): boolean {
    if (this.steps > this.scenario.faultSteps || !this.random.chance(this.scenario.faults[name])) return false;
    this.faultCounts[name] = (this.faultCounts[name] ?? 0) + 1;
    return true;
  }

  // --- calls

  private answer(actor: Actor, pending: Pending): void {
    const { call } = pending;
    actor.pending = actor.pending.filter((one) => one !== pending);
    if (this.isFaulty('freeze')) {
      const ms = this.random.pick([minuteMs, 20 * minuteMs, 180 * minuteMs, 660 * minuteMs]);
      actor.pending.push(pending);
      this.freeze(actor, ms);
      return;
    }
    if (this.isFaulty('crash')) {
      const isApplied = this.random.chance(0.5);
      if (isApplied) this.applyOrNot(actor, call);
      this.kill(actor, `${isApplied ? 'behind' : 'before'} ${describeCall(call)}`);
      return;
    }
    if (call.kind === 'sleep') {
      pending.answer(undefined);
      return;
    }
    if (call.kind === 'compute') {
      this.compute(actor, pending, call.task);
      return;
    }
    if (this.isFaulty('refused')) {
      this.failCall(actor, pending, 'refused');
      return;
    }
    if (this.isFaulty('lost-answer')) {
      this.applyOrNot(actor, call);
      this.failCall(actor, pending, 'done, and its answer lost');
      return;
    }
    if (!isRead(call) && call.kind !== 'send' && call.kind !== 'announce' && call.kind !== 'delete' && this.isFaulty('applied-late')) {
      this.late.push({ atMs: this.nowMs + this.random.below(2 * minuteMs), call, actor });
      this.late.sort((a, b) => a.atMs - b.atMs);
      this.failCall(actor, pending, 'given up, and arrives later');
      return;
    }
    try {
      pending.answer(this.apply(actor, call));
    } catch (thrown) {
      if (thrown instanceof Violation) throw thrown;
      pending.fail(thrown);
    }
  }

  private failCall(actor: Actor, pending: Pending, how: string): void {
    actor.isDisturbed = true;
    this.say(actor, `${describeCall(pending.call)}: ${how}`);
    pending.fail(storeFailed(how));
  }

  private compute(actor: Actor, pending: Pending, task: number): void {
    if (this.isFaulty('out-of-memory')) {
      if (this.random.chance(0.5)) {
        this.kill(actor, 'out of memory');
        return;
      }
      actor.isDisturbed = true;
      pending.fail(new FanlakeError('task.memory', 'simulated: out of memory'));
      return;
    }
    if (this.isFaulty('out-of-time')) {
      actor.isDisturbed = true;
      pending.fail(new FanlakeError('task.timeout', 'simulated: out of time'));
      return;
    }
    this.say(actor, `computed task ${task}`);
    pending.answer(undefined);
  }

  /** What nobody gets an answer of. */
  private applyOrNot(actor: Actor | null, call: Call): void {
    try {
      this.apply(actor, call);
    } catch (thrown) {
      if (!(thrown instanceof FanlakeError)) throw thrown;
    }
  }

  private apply(actor: Actor | null, call: Call): unknown {
    switch (call.kind) {
      case 'send':
        return this.send(actor, call.queue, call.bodies, call.delayMs);
      case 'announce':
      case 'sleep':
      case 'compute':
        this.say(actor, describeCall(call));
        return undefined;
      default:
        return this.applyToStore(actor, call);
    }
  }

  private applyToStore(actor: Actor | null, call: StoreCall): unknown {
    const { root } = call;
    const state = this.roots[root];
    const key = 'key' in call ? call.key : call.kind === 'copy' ? call.to : '';
    const existed = state.objects.has(key);
    const answer = state.apply(call, this.nowMs);
    this.say(actor, `${describeCall(call)}${answer === null || answer === false ? ': no' : ''}`);
    if (root === 'landing' || isRead(call)) return answer;
    if (call.kind === 'delete') this.invariants.deleted(root, key);
    else if (answer !== null && answer !== false) {
      const body = state.objects.get(key)?.body ?? Buffer.of();
      if (root === 'work' && actor !== null) this.noteGivenUp(actor, key, body);
      this.invariants.written(root, key, body, existed);
    }
    return answer;
  }

  /** A task may be given up only when a fault has touched each of its deliveries. */
  private noteGivenUp(actor: Actor, key: string, body: Buffer): void {
    const found = failedPartKey.exec(key);
    if (found === null) return;
    const part = JSON.parse(body.toString()) as { readonly kind: string; readonly error?: { readonly code: string } };
    if (part.kind !== 'failed' || !givenUpCodes.has(part.error?.code ?? '')) return;
    const [held] = actor.held;
    const isUntouched = held !== undefined && held.message.undisturbed > 0;
    if (isUntouched && this.excuses.expired.size === 0)
      throw new Violation('nothing is given up that no fault has touched', `${actor.name}: ${key}`);
    this.excuses.givenUpTasks.add(`${found[1]}/e${found[2]}/${found[3]}`);
  }

  private send(actor: Actor | null, queue: AnyQueueName, bodies: readonly string[], delayMs: number): unknown {
    const failed = bodies.flatMap((_, index) => (actor !== null && this.isFaulty('send-in-part') ? [{ index, reason: 'simulated' }] : []));
    if (failed.length > 0 && actor !== null) actor.isDisturbed = true;
    const out = new Set(failed.map(({ index }) => index));
    for (const [index, body] of bodies.entries()) {
      if (out.has(index)) continue;
      const reason = this.queues[queue].send(++this.messageId, body, this.nowMs, delayMs);
      if (reason !== null) throw new Violation('every message can be sent', reason);
      this.say(actor, `sent to ${queue} #${this.messageId}: ${body.slice(0, 200)}`);
    }
    return failed;
  }

  private arriveLate(late: { readonly atMs: number; readonly call: StoreCall; readonly actor: Actor }): void {
    this.late = this.late.filter((one) => one !== late);
    this.say(null, 'a request that was given up arrives:');
    this.applyOrNot(late.actor, late.call);
  }

  // --- functions

  private deliver(queue: WorkQueueName, visible: readonly QueuedMessage[]): void {
    const name = receiverOf[queue];
    const count = this.random.between(1, Math.min(batchSizes[name], visible.length));
    const held: Held[] = [];
    const left = [...visible];
    for (let n = 0; n < count; n++) {
      const [message] = left.splice(this.random.below(left.length), 1);
      if (message === undefined) break;
      const received = this.queues[queue].receive(message, this.nowMs, invisibleMs);
      if (received === null) this.noteDeadLetter(queue, message);
      else held.push({ queue, message, receive: received.receives, isGivenBack: false });
    }
    if (held.length === 0) return;
    const environment = this.environmentOf(name);
    const actor = this.startActor(`${name}`, environment, held);
    this.say(actor, `gets ${held.map(({ message, receive }) => `#${message.id} (receive ${receive}) of ${queue}`).join(', ')}`);
    const received = held.map((one) => this.receivedOf(one));
    void environment.code.handle(name, received).then(
      (failed) => this.end(actor, failed),
      (error: unknown) =>
        this.end(
          actor,
          held.map((_, index) => ({ index, error })),
        ),
    );
  }

  private receivedOf(held: Held): Received {
    const { queue, message } = held;
    return {
      queue,
      body: message.body,
      receiveCount: held.receive,
      ageMs: this.nowMs - message.sentMs,
      extend: async () => {},
      retryIn: async (ms) => {
        held.isGivenBack = true;
        message.visibleMs = this.nowMs + ms;
      },
    };
  }

  private environmentOf(name: FunctionName): Environment {
    const warm = this.idle.filter((environment) => environment.function === name);
    if (warm.length === 0 || this.random.chance(0.2)) return new Environment(this, name);
    const environment = this.random.pick(warm);
    this.idle = this.idle.filter((one) => one !== environment);
    return environment;
  }

  private startActor(name: string, environment: Environment, held: readonly Held[]): Actor {
    const { skewMs } = this.scenario;
    const skew = skewMs === 0 ? 0 : this.random.between(-skewMs, skewMs);
    const actor = new Actor(`${name}/${++this.actorNumber}`, environment, held, this.nowMs, skew);
    environment.actor = actor;
    this.actors.push(actor);
    return actor;
  }

  private readonly ended: (() => void)[] = [];

  private end(actor: Actor, failed: readonly { readonly index: number; readonly error: unknown }[]): void {
    // in the order in which the scheduler lets things happen, not in that of promises
    this.ended.push(() => {
      if (actor.isOver) return;
      this.leave(actor);
      this.idle.push(actor.environment);
      const errors = new Map(failed.map(({ index, error }) => [index, error]));
      for (const [index, held] of actor.held.entries()) {
        const error = errors.get(index);
        if (error !== undefined) this.giveBack(actor, held, error);
        else if (!held.isGivenBack) this.acknowledge(actor, held);
      }
    });
  }

  private giveBack(actor: Actor, { queue, message, receive, isGivenBack }: Held, thrown: unknown): void {
    if (thrown instanceof Violation) throw thrown;
    const error = asFanlakeError(thrown);
    this.say(actor, `#${message.id} comes again: ${error.code} ${error.message}`);
    if (!actor.isDisturbed) {
      if (!this.isExcused(error))
        throw new Violation(
          'nothing fails that no fault has touched',
          `${actor.name}, ${queue} ${message.body}: ${(thrown as Error).stack ?? error.message}`,
        );
      message.undisturbed += 1;
    }
    if (!isGivenBack)
      message.visibleMs = this.nowMs + (error.code === 'usage' ? 0 : Math.min(10 * minuteMs, 5 * secondMs * 2 ** (receive - 1)));
  }

  /** What another's fault may have left: a plan whose work root has expired, a table that another writer has changed. */
  private isExcused({ message }: FanlakeError): boolean {
    return this.excuses.expired.size > 0 || (this.excuses.changedTables.size > 0 && message.includes('is decided to commit, but'));
  }

  private acknowledge(actor: Actor, { queue, message }: Held): void {
    if (this.isFaulty('lost-acknowledgement')) {
      this.say(actor, `the acknowledgement of #${message.id} is lost`);
      return;
    }
    this.queues[queue].delete(message.id);
    if (!this.isFaulty('duplicate')) return;
    const laterMs = this.random.below(this.random.pick([1, minuteMs, 120 * minuteMs]));
    this.queues[queue].messages.set(message.id, { ...message, visibleMs: this.nowMs + laterMs });
    this.say(actor, `#${message.id} is there again though it was deleted`);
  }

  /** The message of a function that still works becomes visible to others. */
  private showEarly({ actor, one }: { readonly actor: Actor; readonly one: Held }): void {
    actor.isDisturbed = true;
    one.message.visibleMs = this.nowMs;
    this.say(actor, `#${one.message.id} becomes visible while it is handled`);
  }

  private freeze(actor: Actor, ms: number): void {
    actor.frozenUntilMs = this.nowMs + ms;
    actor.isDisturbed = true;
    actor.isZombie = actor.isZombie || ms > functionLimitMs;
    this.say(actor, `sleeps for ${ms / minuteMs} minutes`);
  }

  private kill(actor: Actor, why: string): void {
    this.say(actor, `is killed: ${why}`);
    this.leave(actor);
    for (const { message, isGivenBack } of actor.held)
      if (!isGivenBack) message.visibleMs = Math.min(message.visibleMs, this.nowMs + invisibleMs);
    if (actor.environment.function === 'command') this.typedAgain.get(actor)?.();
  }

  private leave(actor: Actor): void {
    actor.isOver = true;
    actor.environment.actor = null;
    actor.pending = [];
    this.actors = this.actors.filter((one) => one !== actor);
  }

  private noteDeadLetter(queue: WorkQueueName, { body, undisturbed }: QueuedMessage): void {
    this.say(null, `a dead letter of ${queue}: ${body.slice(0, 200)}`);
    if (undisturbed > 0 && this.excuses.expired.size === 0) {
      throw new Violation('nothing is given up that no fault has touched', `${queue}: ${body}`);
    }
    if (queue === 'requests') for (const run of this.runOfUpload) if (run !== undefined) this.excuses.givenUpRequests.add(run);
  }

  // --- the world outside

  private hasEnded({ run, table }: LandedUpload): boolean {
    for (let epoch = 0; ; epoch++) {
      if (!this.roots.work.objects.has(planKey({ run, epoch }))) return epoch > 0;
      if (
        !this.roots.lake.objects.has(outcomeKey(table, { run, epoch })) &&
        !this.roots.work.objects.has(planKey({ run, epoch: epoch + 1 }))
      )
        return false;
    }
  }

  private happenOutside(event: Outside): void {
    this.outside = this.outside.filter((one) => one !== event);
    switch (event.kind) {
      case 'upload':
        this.upload(event);
        return;
      case 'event-again': {
        const body = this.eventOfUpload[event.upload];
        if (body !== undefined) this.send(null, 'requests', [body], 0);
        return;
      }
      case 'retry':
      case 'run-again':
      case 'cancel':
        this.command(event);
        return;
      case 'expiry':
        this.expire(event.upload);
        return;
      default:
        this.foreign(event);
        return;
    }
  }

  private schedule(event: Outside): void {
    this.outside = [...this.outside, event].sort((a, b) => a.afterMs - b.afterMs);
  }

  private upload({ key, body, job }: Extract<Outside, { kind: 'upload' }>): void {
    const before = this.roots.landing.head(key);
    this.applyToStore(null, { root: 'landing', kind: 'put', key, body: Buffer.from(body) });
    const object = this.roots.landing.head(key);
    if (object === null) return;
    if (before !== null && !this.scenario.isVersioned) {
      for (const [run, upload] of this.uploads) if (upload.key === key) this.excuses.overwritten.add(run);
    }
    const run = uploadRun({ job, object });
    const { maxBadRows, maxFailedTasks, deadlineMinutes } = job.limits;
    this.uploads.set(run, {
      run,
      table: tableKeyOf(job),
      format: job.table.format,
      key,
      body,
      maxBadRows,
      maxFailedTasks,
      deadlineMs: deadlineMinutes * minuteMs - 2 * this.scenario.skewMs,
    });
    this.runOfUpload.push(run);
    const event = uploadEvent(object, this.scenario.isVersioned);
    this.eventOfUpload.push(event);
    this.send(null, 'requests', [event], 0);
  }

  private readonly typedAgain = new Map<Actor, () => void>();

  private command(event: Extract<Outside, { kind: 'retry' | 'run-again' | 'cancel' }>): void {
    const run = this.runOfUpload[event.upload];
    const upload = run === undefined ? undefined : this.uploads.get(run);
    if (upload === undefined) return;
    const environment = new Environment(this, 'command');
    const actor = this.startActor(event.kind, environment, []);
    // whoever types a command that was killed types it again
    const again = (): void => {
      this.schedule({ ...event, afterMs: this.nowMs - beginMs + minuteMs });
    };
    this.typedAgain.set(actor, again);
    this.say(actor, `types ${event.kind} ${upload.run}`);
    if (event.kind === 'cancel') this.excuses.cancelled.add(upload.run);
    const work =
      event.kind === 'cancel'
        ? environment.code.cancel(upload.table, upload.run)
        : environment.code.takeUp(upload, event.kind === 'run-again');
    void work.then(
      () => this.ended.push(() => this.leave(actor)),
      (thrown: unknown) =>
        this.ended.push(() => {
          this.say(actor, `ends with ${thrown instanceof Error ? thrown.message : String(thrown)}`);
          const refused = thrown instanceof FanlakeError && !thrown.retryable;
          if (!actor.isDisturbed && !refused && this.excuses.expired.size === 0)
            throw new Violation('nothing fails that no fault has touched', `${actor.name}: ${(thrown as Error).stack}`);
          this.leave(actor);
          if (!refused) again();
        }),
    );
  }

  private expire(index: number): void {
    const run = this.runOfUpload[index];
    const upload = run === undefined ? undefined : this.uploads.get(run);
    if (upload === undefined) return;
    // objects live longer than any function sleeps; a folder may be deleted when nobody is at work and nothing is on its way
    const mayGo = this.hasEnded(upload) && this.actors.length === 0 && this.late.length === 0;
    const isOld = (key: string): boolean => this.nowMs - (this.roots.work.objects.get(key)?.modifiedMs ?? 0) > expiryMs;
    const all = this.roots.work.keys().filter((key) => key.startsWith(`${runsPrefix}${run}/`));
    const keys = all.filter((key) => mayGo || isOld(key));
    if (keys.length < all.length) this.schedule({ kind: 'expiry', upload: index, afterMs: this.nowMs - beginMs + 24 * 60 * minuteMs });
    if (keys.length === 0) return;
    this.say(null, `${keys.length} objects of ${run} in the work root expire`);
    this.excuses.expired.add(upload.run);
    for (const key of keys) this.roots.work.apply({ root: 'work', kind: 'delete', key }, this.nowMs);
  }

  private foreign({ kind, table }: Extract<Outside, { kind: 'foreign-append' | 'foreign-vacuum' | 'foreign-column' }>): void {
    const { lake } = this.roots;
    this.say(null, `another writer: ${kind} of ${table}`);
    if (kind === 'foreign-vacuum') {
      // a table is not vacuumed in the seconds between a look for old files and their commit (docs/protocol.md, Assumptions)
      if (this.actors.some(({ environment }) => environment.function === 'reducer')) return;
      const isOld = (key: string): boolean => this.nowMs - (lake.objects.get(key)?.modifiedMs ?? 0) > vacuumAgeMs;
      for (const key of vacuum(lake, table).filter(isOld)) this.applyToStore(null, { root: 'lake', kind: 'delete', key });
      return;
    }
    const entry = foreignEntry(lake, table, kind === 'foreign-column');
    if (entry === null) return;
    if (kind === 'foreign-column') this.excuses.changedTables.add(table);
    this.applyToStore(null, { root: 'lake', kind: 'create', key: entry.key, body: Buffer.from(entry.text) });
  }

  // --- rest

  /** Waits until whoever was answered asks for the next thing, or is done. */
  private async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    for (const end of this.ended.splice(0)) end();
  }

  private checkQueues(): void {
    for (const [name, queue] of Object.entries(this.queues)) {
      if (queue.messages.size > 0) throw new Violation('the queues are empty at the end', `${queue.messages.size} messages in ${name}`);
    }
  }

  private outcomes(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const [key, { body }] of this.roots.lake.objects) {
      if (!key.endsWith('/outcome.json')) continue;
      const { outcome } = JSON.parse(body.toString()) as { readonly outcome: string };
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
    return counts;
  }
}
