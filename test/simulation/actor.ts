import type { AnyQueueName, Call, Caller } from './calls.ts';
import { type Deployment, type FunctionName, type Say, SimulatedFunction } from './functions.ts';
import type { QueuedMessage } from './queue-state.ts';

export type WorkQueueName = Exclude<AnyQueueName, 'undeliverable'>;

/** A call that nobody has answered yet. */
export interface Pending {
  readonly call: Call;
  readonly answer: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
  /** Not answered before. */
  readonly notBeforeMs: number;
}

/** A message that an actor has received. */
export interface Held {
  readonly queue: WorkQueueName;
  readonly message: QueuedMessage;
  readonly receive: number;
  /** Its handler has said when it is to come again. */
  isGivenBack: boolean;
}

/** The clock of the machine that something runs on. */
export interface MachineClock {
  /** By which it is off when the machine begins. */
  readonly skewMs: number;
  /** Of its milliseconds in one true one: 0.9 is slow, 1.1 fast. */
  readonly rate: number;
}

/** Something that is under way: an invocation of a function, or a command. */
export class Actor {
  readonly name: string;
  readonly environment: Environment;
  readonly held: readonly Held[];
  /** What it is at work on: what goes wrong with it is a reason for none but these to fail. */
  readonly runs: readonly string[];
  readonly startedMs: number;
  readonly clock: MachineClock;
  pending: Pending[] = [];
  frozenUntilMs = 0;
  /** May outlive a function's time: its machine was asleep. */
  isZombie = false;
  /** Whether a fault has touched it. */
  isDisturbed = false;
  isOver = false;

  constructor(
    name: string,
    environment: Environment,
    held: readonly Held[],
    runs: readonly string[],
    startedMs: number,
    clock: MachineClock,
  ) {
    this.name = name;
    this.environment = environment;
    this.held = held;
    this.runs = runs;
    this.startedMs = startedMs;
    this.clock = clock;
  }
}

/** Where environments are: what they know of the world without asking it. */
export interface Place {
  readonly nowMs: number;
  readonly deployment: Deployment;
  readonly isTraced: boolean;
  say(actor: Actor | null, line: string): void;
  nextNonce(): string;
  /** A clock was looked at that is off by so much. */
  noteClockError(ms: number): void;
}

/** The environment of a function, warm between invocations; or the process of a command. */
export class Environment implements Caller {
  readonly function: FunctionName | 'command';
  readonly code: SimulatedFunction;
  actor: Actor | null = null;
  private readonly place: Place;

  constructor(place: Place, name: FunctionName | 'command') {
    const say: Say = (line) => place.say(this.actor, line);
    this.place = place;
    this.function = name;
    this.code = new SimulatedFunction(this, place.deployment, place.isTraced ? say : null);
  }

  call(call: Call): Promise<unknown> {
    const { actor } = this;
    // the environment of a killed function: nobody is there to ask
    if (actor === null) return new Promise(() => {});
    return new Promise((answer, fail) => {
      // it sleeps by its own clock
      const notBeforeMs = call.kind === 'sleep' ? this.place.nowMs + call.ms / actor.clock.rate : 0;
      actor.pending.push({ call, answer, fail, notBeforeMs });
    });
  }

  now(): number {
    const { nowMs } = this.place;
    if (this.actor === null) return nowMs;
    const { clock, startedMs } = this.actor;
    const errorMs = Math.round(clock.skewMs + (nowMs - startedMs) * (clock.rate - 1));
    this.place.noteClockError(errorMs);
    return nowMs + errorMs;
  }

  nonce(): string {
    return this.place.nextNonce();
  }
}
