import { asFanlakeError } from '../../functions/core/errors.ts';
import { Actor, Environment, type Held, type MachineClock, type WorkQueueName } from './actor.ts';
import { batchSizes, type FunctionName, type Received, receiverOf } from './functions.ts';
import { functionLimitMs, invisibleMs, minuteMs, secondMs } from './limits.ts';
import { type NamedEpoch, namedEpoch } from './named-runs.ts';
import type { QueuedMessage } from './queue-state.ts';
import { Violation } from './violation.ts';
import type { WorldState } from './world-state.ts';

/** Functions at work on a queue at once. */
const mostAtOnce: Readonly<Record<FunctionName, number>> = { coordinator: 2, worker: 3, reducer: 2, monitor: 2, 'dead-letters': 2 };

/** Delivers messages to functions as Lambda's event source mappings do, and lives through what becomes of either. */
export class Deliveries {
  private readonly state: WorldState;
  private actorNumber = 0;
  /** What ends at the next step: in the order in which the scheduler lets things happen, not in that of promises. */
  private readonly ending: (() => void)[] = [];

  constructor(state: WorldState) {
    this.state = state;
  }

  hasRoom(name: FunctionName): boolean {
    let busy = 0;
    for (const { environment, isZombie } of this.state.actors) if (environment.function === name && !isZombie) busy += 1;
    return busy < mostAtOnce[name];
  }

  /** Some of the messages of a queue that are visible come to a function. */
  deliver(queue: WorkQueueName, visible: readonly QueuedMessage[]): void {
    const { state } = this;
    const name = receiverOf[queue];
    const count = state.random.between(1, Math.min(batchSizes[name], visible.length));
    const held: Held[] = [];
    const left = [...visible];
    for (let n = 0; n < count; n++) {
      const [message] = left.splice(state.random.below(left.length), 1);
      if (message === undefined) break;
      const received = state.queues[queue].receive(message, state.nowMs, invisibleMs);
      if (received === null) this.noteDeadLetter(queue, message);
      else held.push({ queue, message, receive: received.receives, isGivenBack: false });
    }
    if (held.length === 0) return;
    const environment = this.environmentOf(name);
    const runs = held.flatMap(({ message }) => this.namedEpoch(message.body)?.run ?? []);
    const actor = this.startActor(name, environment, held, runs);
    state.say(actor, () => `gets ${held.map(({ message, receive }) => `#${message.id} (receive ${receive}) of ${queue}`).join(', ')}`);
    const received = held.map((one) => this.receivedOf(one));
    void environment.code.handle(name, received).then(
      (failed) => this.end(actor, new Map(failed.map(({ index, error }) => [index, error]))),
      (error: unknown) => this.end(actor, new Map(held.map((_, index) => [index, error]))),
    );
  }

  private receivedOf(held: Held): Received {
    const { queue, message } = held;
    return {
      queue,
      body: message.body,
      receiveCount: held.receive,
      ageMs: this.state.nowMs - message.sentMs,
      extend: async () => {},
      retryIn: async (ms) => {
        held.isGivenBack = true;
        message.visibleMs = this.state.nowMs + ms;
      },
    };
  }

  private environmentOf(name: FunctionName): Environment {
    const warm = this.state.idle.filter((environment) => environment.function === name);
    if (warm.length === 0 || this.state.random.chance(0.2)) return new Environment(this.state, name);
    const environment = this.state.random.pick(warm);
    this.state.idle = this.state.idle.filter((one) => one !== environment);
    return environment;
  }

  startActor(name: string, environment: Environment, held: readonly Held[], runs: readonly string[]): Actor {
    const actor = new Actor(`${name}/${++this.actorNumber}`, environment, held, runs, this.state.nowMs, this.clock());
    environment.actor = actor;
    this.state.actors.push(actor);
    return actor;
  }

  private clock(): MachineClock {
    const { random, scenario, reached } = this.state;
    const off = (most: number): number => (most === 0 ? 0 : random.between(-most, most));
    const [skewMs, driftPercent] = [off(scenario.skewMs), off(scenario.driftPercent)];
    if (driftPercent !== 0) reached.add(driftPercent < 0 ? 'a slow clock' : 'a fast clock');
    return { skewMs, rate: 1 + driftPercent / 100 };
  }

  /** Something is done when the world goes on. */
  atNextStep(end: () => void): void {
    this.ending.push(end);
  }

  endWhatIsOver(): void {
    if (this.ending.length === 0) return;
    for (const end of this.ending.splice(0)) end();
  }

  private end(actor: Actor, errors: ReadonlyMap<number, unknown>): void {
    this.atNextStep(() => {
      if (actor.isOver) return;
      this.state.leave(actor);
      this.state.idle.push(actor.environment);
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
    this.state.say(actor, () => `#${message.id} comes again: ${error.code} ${error.message}`);
    if (!actor.isDisturbed) {
      if (!this.state.isExcused(this.namedEpoch(message.body)?.run, error))
        throw new Violation(
          'nothing fails that no fault has touched',
          `${actor.name}, ${queue} ${message.body}: ${(thrown as Error).stack ?? error.message}`,
        );
      message.undisturbed += 1;
    }
    if (!isGivenBack)
      message.visibleMs = this.state.nowMs + (error.code === 'usage' ? 0 : Math.min(10 * minuteMs, 5 * secondMs * 2 ** (receive - 1)));
  }

  private namedEpoch(body: string): NamedEpoch | null {
    return namedEpoch(body, this.state.uploads);
  }

  private acknowledge(actor: Actor, { queue, message }: Held): void {
    const { state } = this;
    if (state.isFaulty('lost-acknowledgement', actor.runs)) {
      state.say(actor, `the acknowledgement of #${message.id} is lost`);
      return;
    }
    state.acknowledge(queue, message.id, message.body);
    if (!state.isFaulty('duplicate', actor.runs)) return;
    const laterMs = state.random.below(state.random.pick([1, minuteMs, 120 * minuteMs]));
    state.queues[queue].messages.set(message.id, { ...message, visibleMs: state.nowMs + laterMs });
    state.say(actor, `#${message.id} is there again though it was deleted`);
  }

  /** Messages whose functions are still at work. */
  held(): readonly { readonly actor: Actor; readonly one: Held }[] {
    const held: { readonly actor: Actor; readonly one: Held }[] = [];
    for (const actor of this.state.actors) for (const one of actor.held) if (!one.isGivenBack) held.push({ actor, one });
    return held;
  }

  /** The message of a function that still works becomes visible to others. */
  showEarly(actor: Actor, { message }: Held): void {
    actor.isDisturbed = true;
    message.visibleMs = this.state.nowMs;
    this.state.say(actor, `#${message.id} becomes visible while it is handled`);
  }

  /**
   * A function sleeps also for longer than Lambda lets one live. Not where the plan that it has read has expired since: what it creates behind that would be
   * nobody's, and there the protocol relies on Lambda (docs/protocol.md, Assumptions).
   */
  freeze(actor: Actor, asked: number): void {
    const mayOutlive = !actor.runs.some((run) => this.state.excuses.expired.has(run));
    const ms = mayOutlive ? asked : Math.min(asked, functionLimitMs);
    actor.frozenUntilMs = this.state.nowMs + ms;
    actor.isDisturbed = true;
    actor.isZombie = actor.isZombie || ms > functionLimitMs;
    this.state.say(actor, `sleeps for ${ms / minuteMs} minutes`);
  }

  kill(actor: Actor, why: string): void {
    this.state.say(actor, `is killed: ${why}`);
    this.state.leave(actor);
    for (const { message, isGivenBack } of actor.held)
      if (!isGivenBack) message.visibleMs = Math.min(message.visibleMs, this.state.nowMs + invisibleMs);
  }

  /** Time has passed: functions whose time is over are killed, and those at work give signs of life. */
  pass(): void {
    // whoever is killed leaves the world's list, not this one
    const { nowMs, actors } = this.state;
    for (const actor of actors) {
      if (actor.frozenUntilMs > nowMs) continue;
      if (nowMs - actor.startedMs > functionLimitMs && !actor.isZombie && actor.environment.function !== 'command') {
        this.kill(actor, 'its fifteen minutes are over');
        continue;
      }
      for (const { message, isGivenBack } of actor.held) {
        if (!isGivenBack) message.visibleMs = Math.max(message.visibleMs, nowMs + invisibleMs);
      }
    }
  }

  private noteDeadLetter(queue: WorkQueueName, { body, undisturbed }: QueuedMessage): void {
    const { givenUpEpochs, expired } = this.state.excuses;
    const named = this.namedEpoch(body);
    this.state.say(null, () => `a dead letter of ${queue}: ${body.slice(0, 200)}`);
    if (undisturbed > 0 && !expired.has(named?.run ?? '')) {
      throw new Violation('nothing is given up that no fault has touched', `${queue}: ${body}`);
    }
    // the first time it is sent again
    if (queue === 'requests' && named !== null && isSentAgain(body)) givenUpEpochs.add(`${named.run}/e${named.epoch}`);
  }
}

/** Whether it is a dead request that was given another chance. */
const isSentAgain = (body: string): boolean => (JSON.parse(body) as { readonly kind?: string }).kind === 'again';
