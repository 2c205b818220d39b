import type { WorkQueueName } from './actor.ts';
import { Answers } from './answers.ts';
import { checkCheckpoints } from './checkpoints.ts';
import { Deliveries } from './deliveries.ts';
import { receiverOf } from './functions.ts';
import { beginMs, minuteMs } from './limits.ts';
import { OutsideWorld } from './outside-world.ts';
import type { Scenario } from './scenario.ts';
import type { ReachedName } from './scenario-faults.ts';
import { Violation } from './violation.ts';
import { WorldState } from './world-state.ts';

/** A world that isn't at rest after so many steps never will be. */
const mostSteps = 40_000;
/** What can happen at once doesn't wait for weeks: a queue keeps a message for two. */
const longestWaitMs = 12 * 60 * minuteMs;
const workQueues = Object.keys(receiverOf) as readonly WorkQueueName[];

interface Event {
  readonly weight: number;
  readonly happen: () => void;
}

export interface Report {
  readonly steps: number;
  readonly virtualMs: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Rare things that have happened. */
  readonly reached: readonly ReachedName[];
  readonly violation: Violation | null;
}

/** One world: stores, queues, functions and what happens to them, all decided by one seed. */
export class World {
  private readonly state: WorldState;
  private readonly deliveries: Deliveries;
  private readonly answers: Answers;
  private readonly outside: OutsideWorld;

  /** @param isTraced whether it keeps what happens, a line a step */
  constructor(scenario: Scenario, isTraced = false) {
    this.state = new WorldState(scenario, isTraced);
    this.deliveries = new Deliveries(this.state);
    this.answers = new Answers(this.state, this.deliveries);
    this.outside = new OutsideWorld(this.state, this.deliveries);
  }

  get trace(): readonly string[] {
    return this.state.trace;
  }

  /** Lets everything happen until nothing is left to. */
  async run(): Promise<Report> {
    const { state } = this;
    let violation: Violation | null = null;
    try {
      while (this.step()) await this.settle();
      state.invariants.atRest();
      this.checkQueues();
      await checkCheckpoints(state.roots.lake);
    } catch (thrown) {
      if (!(thrown instanceof Violation)) throw thrown;
      violation = thrown;
      state.say(null, `VIOLATION ${thrown.message}`);
    }
    const { steps, faultCounts: faults, reached } = state;
    return { steps, virtualMs: state.nowMs - beginMs, faults, outcomes: this.outcomes(), reached: [...reached], violation };
  }

  /** @returns false when nothing can happen any more */
  private step(): boolean {
    const { state } = this;
    state.steps += 1;
    if (state.steps > mostSteps) throw new Violation('every world comes to rest', `not within ${mostSteps} steps`);
    this.moveTo(state.nowMs + state.random.below(40));
    const events = this.events();
    const mayWait = state.random.chance(0.01);
    const timed = events.length === 0 || mayWait ? this.nextTimeMs() : null;
    if (events.length > 0 && (timed === null || timed - state.nowMs >= longestWaitMs)) {
      state.random.weighted(events)?.happen();
      return true;
    }
    if (timed === null) return false;
    this.moveTo(timed);
    return true;
  }

  /** What may happen next. */
  private events(): readonly Event[] {
    const { state, deliveries } = this;
    const { nowMs } = state;
    const events: Event[] = [];
    for (const actor of state.actors) {
      if (actor.frozenUntilMs > nowMs) continue;
      for (const pending of actor.pending) {
        if (pending.notBeforeMs <= nowMs) events.push({ weight: 4, happen: () => this.answers.answer(actor, pending) });
      }
    }
    for (const queue of workQueues) {
      const visible = state.queues[queue].visible(nowMs);
      if (visible.length > 0 && deliveries.hasRoom(receiverOf[queue]))
        events.push({ weight: 2, happen: () => deliveries.deliver(queue, visible) });
    }
    if ((this.outside.nextMs() ?? Number.POSITIVE_INFINITY) <= nowMs) events.push({ weight: 1, happen: () => this.outside.happen() });
    const [late] = state.late;
    if (late !== undefined && late.atMs <= nowMs) events.push({ weight: 2, happen: () => this.answers.arriveLate() });
    const held = state.steps % 3 === 0 ? deliveries.held() : [];
    if (held.length > 0) {
      const { actor, one } = state.random.pick(held);
      if (state.isFaulty('visibility-expires', actor.runs)) events.push({ weight: 8, happen: () => deliveries.showEarly(actor, one) });
    }
    return events;
  }

  /** When something can happen that can't now; null when nothing can. */
  private nextTimeMs(): number | null {
    const { state } = this;
    const times: number[] = [];
    for (const actor of state.actors) {
      times.push(actor.frozenUntilMs);
      for (const { notBeforeMs } of actor.pending) times.push(notBeforeMs);
    }
    for (const queue of workQueues) times.push(state.queues[queue].nextMs(state.nowMs) ?? 0);
    for (const { atMs } of state.late) times.push(atMs);
    times.push(this.outside.nextMs() ?? 0);
    const next = Math.min(...times.filter((ms) => ms > state.nowMs));
    return next === Number.POSITIVE_INFINITY ? null : next;
  }

  private moveTo(ms: number): void {
    this.state.nowMs = Math.max(this.state.nowMs, ms);
    this.deliveries.pass();
  }

  /** Waits until whoever was answered asks for the next thing, or is done. */
  private async settle(): Promise<void> {
    await new Promise<void>((resolve) => process.nextTick(resolve));
    this.deliveries.endWhatIsOver();
  }

  private checkQueues(): void {
    for (const [name, queue] of Object.entries(this.state.queues)) {
      if (queue.messages.size > 0) throw new Violation('the queues are empty at the end', `${queue.messages.size} messages in ${name}`);
    }
  }

  private outcomes(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const [key, { body }] of this.state.roots.lake.objects) {
      if (!key.endsWith('/outcome.json')) continue;
      const { outcome } = JSON.parse(body.toString()) as { readonly outcome: string };
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
    return counts;
  }
}
