import { createHash } from 'node:crypto';
import { asFanlakeError } from '../../functions/core/errors.ts';
import { planKey } from '../../functions/core/keys.ts';
import { describeCall } from './calls.ts';
import type { Course, Courses } from './explored-courses.ts';
import type { Beginning, ExploredFunctions, Progress } from './explored-functions.ts';
import type { Actor, Message, QueueName, State } from './explored-state.ts';
import { receiverOf } from './functions.ts';
import type { LandedUpload } from './invariants.ts';
import type { CommandName, SmallWorld } from './small-world.ts';
import { Violation } from './violation.ts';

export interface Step {
  readonly what: string;
  readonly state: State;
}

/** Who begins. */
type Begun = Omit<Beginning, 'name'>;

/**
 * What can happen in a state. Faults happen no sooner than they make a difference:
 *
 * - A function that is killed is one that doesn't go on. It is killed in the step in which its message comes again, or in which somebody begins who had no
 *   place beside it, or when it has no message any more. Until then nobody can tell whether it is dead, so that each order of events in which it dies sooner
 *   has the same effects as one in which it dies then.
 * - A message that comes twice does so in the step in which it is delivered: before, its being visible concerns nobody.
 *
 * Both are moves of a transition to the right, behind all that it commutes with (Lipton, Reduction: a method of proving properties of parallel programs,
 * CACM 1975; Godefroid 1996).
 */
export class Steps {
  private readonly world: SmallWorld;
  private readonly functions: ExploredFunctions;
  private readonly courses: Courses;
  private readonly upload: LandedUpload | undefined;
  /** Whether receives may become too many: else only those of tasks are told apart, and of them the first from all others. */
  private readonly countsAll: boolean;
  private readonly isPlain: boolean;
  private messageId = 0;
  private readonly baseNames = new Map<string, string>();

  /**
   * @param isPlain faults happen at any moment
   */
  constructor(world: SmallWorld, functions: ExploredFunctions, courses: Courses, upload: LandedUpload | undefined, isPlain: boolean) {
    this.world = world;
    this.functions = functions;
    this.courses = courses;
    this.upload = upload;
    this.isPlain = isPlain;
    // a message that was received so often, and is there still, was held each time by a function that was killed, or came twice
    this.countsAll = world.deployment.maxReceives <= world.crashes + world.duplicates;
  }

  async of(state: State): Promise<readonly Step[]> {
    const steps: Step[] = [];
    for (const index of state.actors.keys()) steps.push(await this.advance(state, index));
    const isFull = state.actors.length >= (this.world.atOnce ?? 2);
    if (!isFull) steps.push(...(await this.beginnings(state, () => true)));
    if (state.crashes > 0) for (const index of state.actors.keys()) steps.push(...(await this.deaths(state, index, isFull)));
    return steps;
  }

  // --- going on

  private async advance(state: State, index: number): Promise<Step> {
    const actor = state.actors[index];
    if (actor?.progress.standing.kind !== 'asks') throw new Error('an actor that is over');
    const { progress } = actor;
    const what = `${progress.beginning.function}: ${describeCall(actor.progress.standing.call)}`;
    return { what, state: this.follow(state, index, await this.courses.advance(progress, state.work, state.lake, state.crashes > 0)) };
  }

  /** What a course has changed; who is over is gone. */
  private follow(state: State, index: number, { progress, work, lake, sent }: Course): State {
    const messages = new Map(state.messages);
    for (const message of sent) this.show(messages, ++this.messageId, { ...message, receives: 0, visible: true, several: false });
    const before = state.actors[index];
    const actor: Actor = { progress, held: before?.held ?? [] };
    const next = { ...state, work, lake, messages, actors: state.actors.map((other, at) => (at === index ? actor : other)) };
    return progress.standing.kind === 'over' ? this.end(next, messages, actor, progress.standing) : next;
  }

  private end(state: State, messages: Map<number, Message>, actor: Actor, over: Extract<Progress['standing'], { kind: 'over' }>): State {
    const errors = new Map(over.failed.map(({ index: at, error }) => [at, error]));
    for (const [at, name] of actor.held.entries()) {
      const message = messages.get(name);
      const error = errors.get(at);
      if (error !== undefined) {
        const { code, message: text } = asFanlakeError(error);
        throw new Violation('nothing fails that no fault has touched', `${actor.progress.beginning.function}: ${code} ${text}`);
      }
      if (message === undefined) continue;
      messages.delete(name);
      if (over.later.includes(at)) this.show(messages, name, { ...message, visible: true });
    }
    return this.without(state, actor);
  }

  private without(state: State, actor: Actor): State {
    const { work, lake } = this.courses.withoutOrphans(actor.progress.beginning.name, state.work, state.lake);
    return { ...state, work, lake, actors: state.actors.filter((other) => other !== actor) };
  }

  /**
   * Puts a message where it can be received. Of equal commits one stands for several while there is a monitor, which may send any number of them. Whoever takes
   * one of several leaves one or several, so that whatever can happen with a number of them can happen here (counter abstraction: Pnueli, Xu and Zuck,
   * Liveness with (0,1,infinity)-counter abstraction, CAV 2002). More can happen here than with a number, so that an end might be reached here only: but a
   * way to it that takes fewer than there are ends in a state with the rest of them, which is one of those explored, and so on until none is left.
   */
  private show(messages: Map<number, Message>, name: number, message: Message): void {
    const alike = [...messages].find(([, other]) => isAlike(other, message));
    const isWatched = [...messages.values()].some(({ queue }) => queue === 'monitor');
    const { keepsOne = false } = this.world;
    if (alike === undefined || !isWatched || (message.queue !== 'commits' && !keepsOne)) messages.set(name, message);
    else if (!keepsOne) messages.set(alike[0], { ...alike[1], several: true });
  }

  // --- dying

  private async deaths(state: State, index: number, isFull: boolean): Promise<readonly Step[]> {
    const actor = state.actors[index];
    if (actor === undefined) return [];
    const messages = new Map(state.messages);
    const shown: Message[] = [];
    for (const name of actor.held) {
      const message = messages.get(name);
      if (message === undefined) continue;
      messages.delete(name);
      this.show(messages, name, { ...message, visible: true });
      shown.push({ ...message, visible: true });
    }
    const { function: killed } = actor.progress.beginning;
    const commands = killed === 'retry' || killed === 'cancel' ? [...state.commands, killed] : state.commands;
    const dead = { ...this.without(state, actor), messages, commands, crashes: state.crashes - 1 };
    const what = `${killed} is killed`;
    if (this.isPlain || shown.length === 0) return [{ what, state: dead }];
    const comesAgain = (begun: Message | CommandName): boolean =>
      typeof begun !== 'string' && shown.some((message) => isAlike(message, begun));
    const steps = await this.beginnings(dead, isFull ? () => true : comesAgain);
    return steps.map((step) => ({ ...step, what: `${what}; ${step.what}` }));
  }

  // --- beginning

  private async beginnings(state: State, may: (begun: Message | CommandName) => boolean): Promise<readonly Step[]> {
    const steps: Step[] = [];
    const seen: Message[] = [];
    for (const [name, message] of state.messages) {
      if (!message.visible || seen.some((other) => isAlike(other, message)) || !may(message)) continue;
      seen.push(message);
      steps.push(...(await this.deliver(state, [name])));
    }
    if (this.world.commitsInPairs === true) steps.push(...(await this.deliverPairs(state, may)));
    if (state.duplicates > 0) steps.push(...(await this.comingTwice(state)));
    for (const [index, command] of state.commands.entries()) if (may(command)) steps.push(...(await this.command(state, index, command)));
    return steps;
  }

  private async deliverPairs(state: State, may: (begun: Message | CommandName) => boolean): Promise<readonly Step[]> {
    const commits: (readonly [number, Message])[] = [];
    for (const [name, message] of state.messages) {
      const isNew = message.visible && !commits.some(([, other]) => isAlike(other, message));
      if (isNew && message.queue === 'commits') commits.push([name, message]);
    }
    commits.sort(([, one], [, other]) => (one.body < other.body ? -1 : 1));
    const steps: Step[] = [];
    for (const [index, [name, one]] of commits.entries())
      for (const [otherName, other] of commits.slice(index + 1))
        if (may(one) || may(other)) steps.push(...(await this.deliver(state, [name, otherName])));
    return steps;
  }

  private async comingTwice(state: State): Promise<readonly Step[]> {
    const steps: Step[] = [];
    for (const [name, message] of state.messages) {
      if (message.visible) continue;
      const messages = new Map(state.messages).set(name, { ...message, visible: true });
      const shown: State = { ...state, messages, duplicates: state.duplicates - 1 };
      if (this.isPlain) steps.push({ what: `a message of ${message.queue} becomes visible`, state: shown });
      else steps.push(...(await this.deliver(shown, [name])));
    }
    return steps;
  }

  /** A batch of messages. Each that stands for several leaves one or several. */
  private async deliver(state: State, names: readonly number[]): Promise<readonly Step[]> {
    let ways: readonly (readonly [Map<number, Message>, readonly number[]])[] = [[new Map(state.messages), []]];
    for (const name of names) ways = ways.flatMap(([messages, held]) => this.receive(messages, held, name));
    const steps: Step[] = [];
    for (const [messages, held] of ways) steps.push(await this.hand({ ...state, messages }, held));
    return steps;
  }

  private receive(
    messages: ReadonlyMap<number, Message>,
    held: readonly number[],
    name: number,
  ): readonly (readonly [Map<number, Message>, readonly number[]])[] {
    const message = messages.get(name);
    if (message === undefined) return [];
    const { queue, several } = message;
    const mayDie = queue === 'tasks' || queue === 'merges' || queue === 'requests' || queue === 'commits';
    const { maxReceives } = this.world.deployment;
    const isDead = mayDie && this.countsAll && message.receives >= maxReceives;
    const taken: Message = isDead
      ? { ...message, queue: `${queue}-dead` as QueueName, receives: 0, several: false }
      : { ...message, receives: this.counted(message), visible: false, several: false };
    const takenName = several ? ++this.messageId : name;
    const rest = several ? [false, true].map((left) => new Map(messages).set(name, { ...message, several: left })) : [new Map(messages)];
    return rest.map((left) => [left.set(takenName, taken), isDead ? held : [...held, takenName]] as const);
  }

  /** How often it was received now, as far as somebody decides by it: the dead letters' redrive, and a worker that looks whether its task is done. */
  private counted({ queue, receives }: Message): number {
    if (this.countsAll && !queue.endsWith('-dead') && queue !== 'monitor') return receives + 1;
    return queue === 'tasks' ? Math.min(2, receives + 1) : 0;
  }

  private async hand(state: State, held: readonly number[]): Promise<Step> {
    const taken = held.flatMap((name) => state.messages.get(name) ?? []);
    const [first] = taken;
    if (first === undefined) return { what: 'a message is given up', state };
    const messages = taken.map(({ queue, body, receives }) => ({ queue, body, receive: queue === 'tasks' ? receives : 1 }));
    return this.start(state, { function: receiverOf[first.queue], messages }, held);
  }

  private async command(state: State, index: number, name: CommandName): Promise<readonly Step[]> {
    if (this.upload === undefined || !state.work.store.objects.has(planKey({ run: this.upload.run, epoch: 0 }))) return [];
    const commands = state.commands.filter((_, other) => other !== index);
    return [await this.start({ ...state, commands }, { function: name, messages: [], run: this.upload }, [])];
  }

  private async start(state: State, begun: Begun, held: readonly number[]): Promise<Step> {
    const beginning: Beginning = { ...begun, name: this.unusedName(state, begun) };
    const progress = await this.functions.begin(beginning);
    const index = state.actors.length;
    const started: State = { ...state, actors: [...state.actors, { progress, held }] };
    const course = await this.courses.begin(progress, state.work, state.lake, state.crashes > 0);
    const told = begun.messages.map(({ body, receive }) => `${body.slice(0, 90)} (receive ${receive})`).join(', ');
    return { what: `${begun.function} begins${told === '' ? '' : ` with ${told}`}`, state: this.follow(started, index, course) };
  }

  /**
   * The first name that nobody knows. Nonces are compared and put into keys, and nothing else: states that differ by a renaming of them have the same future
   * (Ip and Dill, Better verification through symmetry, 1996, on scalarsets), and one that nobody knows any more is as good as a new one.
   */
  private unusedName(state: State, { function: name, messages, run }: Begun): string {
    const base = `${name} ${run?.run ?? ''} ${messages.map(({ body }) => body).join(' ')}`;
    for (let number = 0; ; number++) {
      const candidate = this.digest(`${number} ${base}`);
      const isTaken = state.actors.some(({ progress }) => progress.beginning.name === candidate) || this.courses.isUsed(candidate, state);
      if (!isTaken) return candidate;
    }
  }

  private digest(text: string): string {
    let known = this.baseNames.get(text);
    if (known === undefined) {
      known = createHash('md5').update(text).digest('hex').slice(0, 10);
      this.baseNames.set(text, known);
    }
    return known;
  }
}

/** Whether two messages can be received, and it doesn't matter which. */
const isAlike = (one: Message, other: Message | CommandName): boolean =>
  typeof other !== 'string' &&
  one.visible &&
  other.visible &&
  one.queue === other.queue &&
  one.receives === other.receives &&
  one.body === other.body;
