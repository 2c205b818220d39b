import { FanlakeError } from '../../functions/core/errors.ts';
import type { Actor, Pending } from './actor.ts';
import { type Call, describeCall, isRead, placeOf } from './calls.ts';
import { checkpointKey } from './checkpoints.ts';
import { minuteMs } from './limits.ts';
import { storeFailed } from './simulated-ports.ts';
import { Violation } from './violation.ts';
import type { WorldState } from './world-state.ts';

const sleepsMs = [minuteMs, 20 * minuteMs, 180 * minuteMs, 660 * minuteMs];
/** How long a store or a queue has too much to do: S3 while it splits a hot prefix, or a quota of the account is used up. */
const spellsMs = [2_000, minuteMs, 10 * minuteMs];

/** Behind a write there is more to lose than behind a read: before one or behind one is the same to everybody else. */
const crashWeight = (call: Call): number => (isRead(call) ? 0.3 : 2);

/** What becomes of actors. */
interface Fates {
  kill(actor: Actor, why: string): void;
  freeze(actor: Actor, ms: number): void;
}

/** Answers calls: with what they did, or with a fault. */
export class Answers {
  private readonly state: WorldState;
  private readonly fates: Fates;

  constructor(state: WorldState, fates: Fates) {
    this.state = state;
    this.fates = fates;
  }

  answer(actor: Actor, pending: Pending): void {
    const { call } = pending;
    if (this.state.isFaulty('freeze', actor.runs)) {
      this.fates.freeze(actor, this.state.random.pick(sleepsMs));
      return;
    }
    actor.pending = actor.pending.filter((one) => one !== pending);
    if (this.state.isFaulty('crash', actor.runs, crashWeight(call))) this.crash(actor, call);
    else if (call.kind === 'sleep') pending.answer(undefined);
    else if (call.kind === 'compute') this.compute(actor, pending, call.task);
    else if (!this.isLost(actor, pending)) this.apply(actor, pending);
  }

  private apply(actor: Actor, { call, answer, fail }: Pending): void {
    try {
      const done = this.state.apply(actor, call);
      answer(done !== null && this.isTakenForAnother(actor, call) ? null : done);
    } catch (thrown) {
      if (thrown instanceof Violation) throw thrown;
      fail(thrown);
    }
  }

  /** Whether a conditional write is answered with 412 for its own object: the first answer was lost, and the client sent it once more. */
  private isTakenForAnother(actor: Actor, call: Call): boolean {
    if (call.kind !== 'create' && call.kind !== 'replace') return false;
    if (!this.state.isFaulty('taken-for-another', actor.runs)) return false;
    actor.isDisturbed = true;
    this.state.say(actor, 'and is told that another had done it');
    return true;
  }

  private crash(actor: Actor, call: Call): void {
    const isApplied = this.state.random.chance(0.5);
    if (isApplied) this.state.applyUnanswered(actor, call);
    this.noteCheckpoint(call, isApplied);
    this.fates.kill(actor, `${isApplied ? 'behind' : 'before'} ${describeCall(call)}`);
  }

  private noteCheckpoint(call: Call, isApplied: boolean): void {
    if (call.kind !== 'create' || !checkpointKey.test(call.key)) return;
    this.state.reached.add(isApplied ? 'a crash between a checkpoint and its pointer' : 'a crash at a checkpoint');
  }

  /** A request, or its answer, that gets lost on its way. */
  private isLost(actor: Actor, pending: Pending): boolean {
    const { state } = this;
    const { call } = pending;
    if (this.isThrottled(actor, call)) {
      this.fail(actor, pending, 'throttled');
      return true;
    }
    if (state.isFaulty('refused', actor.runs)) {
      this.fail(actor, pending, 'refused');
      return true;
    }
    if (state.isFaulty('lost-answer', actor.runs)) {
      state.applyUnanswered(actor, call);
      this.fail(actor, pending, 'done, and its answer lost');
      return true;
    }
    const isWrite = call.kind === 'put' || call.kind === 'create' || call.kind === 'replace' || call.kind === 'copy';
    if (!isWrite || !state.isFaulty('applied-late', actor.runs)) return false;
    state.late.push({ atMs: state.nowMs + state.random.below(2 * minuteMs), call, actor });
    state.late.sort((a, b) => a.atMs - b.atMs);
    this.fail(actor, pending, 'given up, and arrives later');
    return true;
  }

  /** Too much to do: everything that is asked of the same store or queue is refused, by whomever, for a spell. */
  private isThrottled(actor: Actor, call: Call): boolean {
    const { state } = this;
    const place = placeOf(call);
    if (place === null) return false;
    if ((state.throttledUntilMs.get(place) ?? 0) > state.nowMs) {
      state.trouble(actor.runs);
      return true;
    }
    if (!state.isFaulty('throttled', actor.runs)) return false;
    state.throttledUntilMs.set(place, state.nowMs + state.random.pick(spellsMs));
    return true;
  }

  private fail(actor: Actor, { call, fail }: Pending, how: string): void {
    actor.isDisturbed = true;
    this.state.say(actor, () => `${describeCall(call)}: ${how}`);
    fail(storeFailed(how));
  }

  private compute(actor: Actor, pending: Pending, task: number): void {
    const { state } = this;
    if (state.isFaulty('out-of-memory', actor.runs)) {
      if (state.random.chance(0.5)) {
        this.fates.kill(actor, 'out of memory');
        return;
      }
      actor.isDisturbed = true;
      pending.fail(new FanlakeError('task.memory', 'simulated: out of memory'));
      return;
    }
    if (state.isFaulty('out-of-time', actor.runs)) {
      actor.isDisturbed = true;
      pending.fail(new FanlakeError('task.timeout', 'simulated: out of time'));
      return;
    }
    state.say(actor, `computed task ${task}`);
    pending.answer(undefined);
  }

  /** The request that was given up longest ago arrives. */
  arriveLate(): void {
    const late = this.state.late.shift();
    if (late === undefined) return;
    this.state.trouble(late.actor.runs);
    this.state.say(null, 'a request that was given up arrives:');
    this.state.applyUnanswered(late.actor, late.call);
  }
}
