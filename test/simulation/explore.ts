import { createHash } from 'node:crypto';
import { asFanlakeError, FanlakeError } from '../../functions/core/errors.ts';
import { planKey } from '../../functions/core/keys.ts';
import { uploadRun } from '../../functions/core/upload.ts';
import { type Call, describeCall, isRead, type StoreCall } from './calls.ts';
import { type Answer, type Beginning, ExploredFunctions, type Progress } from './explored-functions.ts';
import { type Deployment, type Received, receiverOf } from './functions.ts';
import { Invariants, type LandedUpload, rangeId } from './invariants.ts';
import { type StateObject, StoreState } from './store-state.ts';
import { uploadEvent } from './upload-event.ts';
import { Violation } from './violation.ts';

/** A world that is small enough to try everything that can happen in it. */
export interface SmallWorld {
  readonly name: string;
  readonly deployment: Deployment;
  readonly uploads: readonly { readonly key: string; readonly body: string /** Deliveries of its event. */; readonly events: number }[];
  /** Functions that are killed, at any moment. */
  readonly crashes: number;
  /** Messages that become visible while they are handled. */
  readonly duplicates: number;
  /** Commands that are typed at any moment, for the first upload. */
  readonly commands: readonly ('cancel' | 'retry')[];
  /** Whether a run may fail since a task was given up. */
  readonly mayGiveUp: boolean;
  /**
   * How often a function may be interrupted by another while it could go on; absent: at every call. Few interruptions find most of what many do, in far fewer
   * states (Musuvathi and Qadeer, Iterative context bounding for systematic testing of multithreaded programs, PLDI 2007).
   */
  readonly interruptions?: number;
  /** Whether it takes minutes. */
  readonly isLarge?: boolean;
  /** Runs that are committed together. */
  readonly commitsAtOnce?: number;
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  readonly ends: number;
  /** Outcomes of all runs at an end, and how many ends have them. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** Functions at work at once: others wait for their turn. */
const mostActors = 2;
/** Receives of a monitor's message are not told apart beyond this: they decide nothing but how long it waits. */
const mostTicks = 2;

type QueueName = Received['queue'];

interface Message {
  readonly queue: QueueName;
  readonly body: string;
  readonly receives: number;
  readonly visible: boolean;
}

interface Actor {
  readonly progress: Progress;
  /** Names of its messages. */
  readonly held: readonly number[];
}

/** Who has gone on last, and how often somebody else still may though he could. */
interface Turn {
  readonly last: Actor | null;
  readonly interruptions: number;
}

/** Everything there is at a moment. Never changed: what happens makes another. */
interface State {
  readonly landing: StoreState;
  readonly work: StoreState;
  readonly lake: StoreState;
  readonly messages: ReadonlyMap<number, Message>;
  readonly actors: readonly Actor[];
  readonly crashes: number;
  readonly duplicates: number;
  readonly commands: readonly ('cancel' | 'retry')[];
  /** How often a task was begun in the same way. */
  readonly begun: ReadonlyMap<string, number>;
  readonly turn: Turn;
}

interface Step {
  readonly what: string;
  readonly state: State;
}

/** Tries all interleavings of a small world's functions and faults, each state once. */
export class Explorer {
  private readonly world: SmallWorld;
  private readonly functions: ExploredFunctions;
  private readonly uploads = new Map<string, LandedUpload>();
  private messageId = 0;
  private readonly bodyIds = new Map<string, number>();

  constructor(world: SmallWorld) {
    this.world = world;
    this.functions = new ExploredFunctions(world.deployment);
  }

  /**
   * @param onProgress gets the states so far
   * @throws Violation with the way to it
   */
  async explore(onProgress: (states: number) => void = () => {}): Promise<Exploration> {
    const startedMs = Date.now();
    const known = new Map<string, number>();
    const parents: { readonly from: number; readonly what: string }[] = [];
    const edges: number[] = [];
    const goals: number[] = [];
    const outcomes: Record<string, number> = {};
    const first = this.first();
    known.set(this.hash(first), 0);
    parents.push({ from: -1, what: 'begin' });
    const open: { readonly id: number; readonly state: State }[] = [{ id: 0, state: first }];
    for (let current = open.pop(); current !== undefined; current = open.pop()) {
      const { id, state } = current;
      const steps = await this.stepsOf(state).catch((thrown: unknown) => {
        throw this.withWay(thrown, id, parents);
      });
      if (steps.length === 0 || this.isAtRest(state)) {
        this.checkEnd(state, id, parents);
        goals.push(id);
        const words = this.outcomesOf(state);
        outcomes[words] = (outcomes[words] ?? 0) + 1;
      }
      for (const { what, state: next } of steps) {
        const hash = this.hash(next);
        let nextId = known.get(hash);
        if (nextId === undefined) {
          nextId = parents.length;
          known.set(hash, nextId);
          parents.push({ from: id, what });
          open.push({ id: nextId, state: next });
          if (nextId % 10_000 === 0) onProgress(nextId);
        }
        edges.push(id, nextId);
      }
    }
    this.checkAllEnd(parents, edges, goals);
    return {
      states: parents.length,
      transitions: edges.length / 2,
      ends: goals.length,
      outcomes,
      seconds: (Date.now() - startedMs) / 1000,
    };
  }

  private first(): State {
    const landing = new StoreState(true);
    const messages = new Map<number, Message>();
    for (const { key, body, events } of this.world.uploads) {
      landing.apply({ root: 'landing', kind: 'put', key, body: Buffer.from(body) }, 0);
      const object = landing.head(key);
      const job = this.world.deployment.jobs.find(({ input }) => key.startsWith(input.prefix ?? '-'));
      if (object === null || job === undefined) throw new Error(`no job takes ${key}`);
      const run = uploadRun({ job, object });
      const { maxBadRows, maxFailedTasks } = job.limits;
      const { format, name: table } = job.table;
      this.uploads.set(run, { run, table, format, key, body, maxBadRows, maxFailedTasks, deadlineMs: Number.POSITIVE_INFINITY });
      for (let n = 0; n < events; n++) {
        messages.set(++this.messageId, { queue: 'requests', body: uploadEvent(object, true), receives: 0, visible: true });
      }
    }
    const { crashes, duplicates, commands, interruptions } = this.world;
    return {
      landing,
      work: new StoreState(false),
      lake: new StoreState(false),
      messages,
      actors: [],
      crashes,
      duplicates,
      commands,
      begun: new Map(),
      turn: { last: null, interruptions: interruptions ?? Number.POSITIVE_INFINITY },
    };
  }

  // --- what can happen

  private async stepsOf(state: State): Promise<readonly Step[]> {
    const steps: Step[] = [];
    const mayInterrupt = state.turn.interruptions > 0;
    for (const [index, actor] of state.actors.entries()) {
      const interrupts = isInterruption(state, actor);
      if (!interrupts || mayInterrupt) steps.push(await this.advance(interrupted(state, interrupts), index));
      if (state.crashes > 0) steps.push(this.crash(state, index));
      if (state.duplicates > 0) steps.push(...this.duplicate(state, actor));
    }
    const interrupts = isInterruption(state, null);
    if (state.actors.length >= mostActors || (interrupts && !mayInterrupt)) return steps;
    const free = interrupted(state, interrupts);
    const seen = new Set<string>();
    for (const [name, { queue, body, receives, visible }] of state.messages) {
      const alike = `${queue} ${receives} ${body}`;
      if (!visible || seen.has(alike)) continue;
      seen.add(alike);
      steps.push(await this.deliver(free, [name]));
    }
    const commits = [...state.messages].filter(([, { queue, visible }]) => queue === 'commits' && visible).map(([name]) => name);
    if ((this.world.commitsAtOnce ?? 1) > 1 && commits.length > 1)
      steps.push(await this.deliver(free, commits.slice(0, this.world.commitsAtOnce)));
    for (const [index, command] of state.commands.entries()) {
      const begun = await this.command(free, index, command);
      if (begun !== null) steps.push(begun);
    }
    return steps;
  }

  private async deliver(state: State, names: readonly number[]): Promise<Step> {
    const messages = new Map(state.messages);
    const held: number[] = [];
    for (const name of names) {
      const message = messages.get(name);
      if (message === undefined) continue;
      const most =
        message.queue === 'tasks' || message.queue === 'requests' || message.queue === 'commits'
          ? this.world.deployment.maxReceives
          : Number.POSITIVE_INFINITY;
      if (message.receives >= most) {
        messages.set(name, { ...message, queue: `${message.queue}-dead` as QueueName, receives: 0 });
        continue;
      }
      const receives =
        message.queue === 'monitor' || message.queue.endsWith('-dead') ? Math.min(mostTicks, message.receives + 1) : message.receives + 1;
      messages.set(name, { ...message, receives, visible: false });
      held.push(name);
    }
    const [first] = held.map((name) => messages.get(name));
    if (first === undefined) return { what: 'a message is given up', state: { ...state, messages } };
    const told = held.flatMap((name) => {
      const message = messages.get(name);
      return message === undefined ? [] : [{ queue: message.queue, body: message.body, receive: message.receives }];
    });
    return this.start({ ...state, messages }, { function: receiverOf[first.queue], messages: told, number: 0 }, held);
  }

  private async command(state: State, index: number, name: 'cancel' | 'retry'): Promise<Step | null> {
    const [upload] = this.uploads.values();
    if (upload === undefined || !state.work.objects.has(planKey({ run: upload.run, epoch: 0 }))) return null;
    const commands = state.commands.filter((_, other) => other !== index);
    return this.start({ ...state, commands }, { function: name, messages: [], run: upload, number: index }, []);
  }

  private async start(state: State, beginning: Beginning, held: readonly number[]): Promise<Step> {
    const begun = new Map(state.begun);
    let number = beginning.number;
    if (beginning.function === 'worker') {
      const key = JSON.stringify(beginning.messages);
      number = begun.get(key) ?? 0;
      begun.set(key, number + 1);
    } else {
      // whoever plans does so unlike any before; for others it is enough to differ from who is at work at the same time
      const others = state.actors.filter(({ progress }) => progress.beginning.function === beginning.function).length;
      const plans = beginning.function === 'coordinator' || beginning.function === 'retry';
      number = 1_000 * number + (plans ? 100 * state.crashes + 10 * state.duplicates : 0) + others;
    }
    const progress = await this.functions.begin({ ...beginning, number });
    const beginner: Actor = { progress, held };
    const started: State = { ...state, begun, actors: [...state.actors, beginner], turn: { ...state.turn, last: beginner } };
    const what = `${beginning.function} begins with ${beginning.messages.map(({ body, receive }) => `${body.slice(0, 90)} (receive ${receive})`).join(', ')}`;
    return { what, state: await this.quiet(started, started.actors.length - 1) };
  }

  private async advance(state: State, index: number): Promise<Step> {
    const actor = state.actors[index];
    if (actor?.progress.standing.kind !== 'asks') throw new Error('an actor that is over');
    const what = `${actor.progress.beginning.function}: ${describeCall(actor.progress.standing.call)}`;
    return { what, state: await this.quiet(await this.answer(state, index, actor, actor.progress.standing.call), index) };
  }

  /** Goes on with what nobody else can notice, to the next call that somebody can; ends who is over. */
  private async quiet(from: State, index: number): Promise<State> {
    let state = from;
    for (;;) {
      const actor = state.actors[index];
      if (actor === undefined) return state;
      const { standing } = actor.progress;
      if (standing.kind === 'over') return this.end(state, index, actor, standing);
      if (!isUnnoticed(state, standing.call)) return state;
      state = await this.answer(state, index, actor, standing.call);
    }
  }

  private async answer(state: State, index: number, actor: Actor, call: Call): Promise<State> {
    const { next, answer, key } = this.apply(state, call);
    const progress = await this.functions.answer(actor.progress, key, answer);
    const gone: Actor = { ...actor, progress };
    return { ...next, actors: next.actors.map((other, at) => (at === index ? gone : other)), turn: { ...next.turn, last: gone } };
  }

  private apply(state: State, call: Call): { readonly next: State; readonly answer: Answer; readonly key: string } {
    switch (call.kind) {
      case 'send': {
        const messages = new Map(state.messages);
        for (const body of call.bodies)
          messages.set(++this.messageId, { queue: call.queue as QueueName, body, receives: 0, visible: true });
        return { next: { ...state, messages }, answer: { value: [] }, key: 'sent' };
      }
      case 'announce':
      case 'compute':
      case 'sleep':
        return { next: state, answer: { value: undefined }, key: 'done' };
      default:
        return this.applyToStore(state, call);
    }
  }

  private applyToStore(state: State, call: StoreCall): { readonly next: State; readonly answer: Answer; readonly key: string } {
    const { root } = call;
    const isChange = !isRead(call);
    const store = isChange ? state[root].clone() : state[root];
    const next = isChange ? { ...state, [root]: store } : state;
    const key = 'key' in call ? call.key : call.kind === 'copy' ? call.to : '';
    const existed = store.objects.has(key);
    try {
      const value = store.apply(call, 0);
      if (isChange && root !== 'landing') this.check(next, root, call, value, key, existed);
      return { next, answer: { value }, key: keyOf(value) };
    } catch (error) {
      if (!(error instanceof FanlakeError)) throw error;
      return { next: state, answer: { error }, key: `error ${error.code}` };
    }
  }

  private check(state: State, root: 'work' | 'lake', call: StoreCall, value: unknown, key: string, existed: boolean): void {
    const invariants = this.invariants(state);
    if (call.kind === 'delete') invariants.deleted(root, key);
    else if (value !== null && value !== false) invariants.written(root, key, state[root].objects.get(key)?.body ?? Buffer.of(), existed);
  }

  private invariants(state: State): Invariants {
    const all = new Set(this.uploads.keys());
    const none = new Set<string>();
    const whole = [...this.uploads].map(([run, { key, body }]) => rangeId(run, { key, start: 0, end: Buffer.byteLength(body) }));
    return new Invariants(state, this.uploads, {
      givenUpRanges: this.world.mayGiveUp ? new Set(whole) : none,
      givenUpRequests: this.world.mayGiveUp ? all : none,
      expired: none,
      cancelled: this.world.commands.includes('cancel') ? all : none,
      overwritten: none,
      changedTables: none,
    });
  }

  private end(state: State, index: number, actor: Actor, over: Extract<Progress['standing'], { kind: 'over' }>): State {
    const messages = new Map(state.messages);
    const errors = new Map(over.failed.map(({ index: at, error }) => [at, error]));
    for (const [at, name] of actor.held.entries()) {
      const message = messages.get(name);
      const error = errors.get(at);
      if (error !== undefined) {
        const { code, message: text } = asFanlakeError(error);
        throw new Violation('nothing fails that no fault has touched', `${actor.progress.beginning.function}: ${code} ${text}`);
      }
      if (message === undefined) continue;
      if (over.later.includes(at)) messages.set(name, { ...message, visible: true });
      else messages.delete(name);
    }
    return { ...state, messages, actors: state.actors.filter((_, other) => other !== index) };
  }

  private crash(state: State, index: number): Step {
    const actor = state.actors[index];
    const messages = this.shown(state, actor?.held ?? []);
    const name = actor?.progress.beginning.function ?? '';
    // whoever typed a command that was killed types it again
    const commands = name === 'cancel' || name === 'retry' ? [...state.commands, name] : state.commands;
    const actors = state.actors.filter((_, other) => other !== index);
    return { what: `${name} is killed`, state: { ...state, messages, commands, actors, crashes: state.crashes - 1 } };
  }

  private duplicate(state: State, { held, progress }: Actor): readonly Step[] {
    const hidden = held.filter((name) => state.messages.get(name)?.visible === false);
    return hidden.map((name) => ({
      what: `a message of ${progress.beginning.function} becomes visible`,
      state: { ...state, messages: this.shown(state, [name]), duplicates: state.duplicates - 1 },
    }));
  }

  private shown(state: State, names: readonly number[]): ReadonlyMap<number, Message> {
    const messages = new Map(state.messages);
    for (const name of names) {
      const message = messages.get(name);
      if (message !== undefined) messages.set(name, { ...message, visible: true });
    }
    return messages;
  }

  // --- what must hold

  private isAtRest(state: State): boolean {
    return state.actors.length === 0 && state.messages.size === 0;
  }

  private checkEnd(state: State, id: number, parents: readonly { readonly from: number; readonly what: string }[]): void {
    try {
      if (!this.isAtRest(state))
        throw new Violation('no state is stuck', `${state.messages.size} messages, ${state.actors.length} functions`);
      this.invariants(state).atRest();
    } catch (thrown) {
      throw this.withWay(thrown, id, parents);
    }
  }

  /** From every state an end can be reached: nothing goes round for ever. */
  private checkAllEnd(
    parents: readonly { readonly from: number; readonly what: string }[],
    edges: readonly number[],
    goals: readonly number[],
  ): void {
    const before: number[][] = parents.map(() => []);
    for (let edge = 0; edge < edges.length; edge += 2) before[edges[edge + 1] ?? 0]?.push(edges[edge] ?? 0);
    const ends = new Uint8Array(parents.length);
    const open = [...goals];
    for (const goal of goals) ends[goal] = 1;
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      for (const from of before[id] ?? []) {
        if (ends[from] === 1) continue;
        ends[from] = 1;
        open.push(from);
      }
    }
    const lost = ends.indexOf(0);
    if (lost >= 0) throw this.withWay(new Violation('an end can be reached from every state', `not from state ${lost}`), lost, parents);
  }

  private withWay(thrown: unknown, id: number, parents: readonly { readonly from: number; readonly what: string }[]): unknown {
    if (!(thrown instanceof Violation)) return thrown;
    const way: string[] = [];
    for (let at = id; at > 0; at = parents[at]?.from ?? 0) way.unshift(parents[at]?.what ?? '');
    return new Violation(thrown.invariant, `${thrown.found}\n${way.map((what, step) => `  ${step + 1}. ${what}`).join('\n')}`);
  }

  private outcomesOf({ lake }: State): string {
    const words = lake.keys().flatMap((key) => {
      if (!key.endsWith('/outcome.json')) return [];
      const { outcome, epoch } = JSON.parse(lake.objects.get(key)?.body.toString() ?? '{}') as {
        readonly outcome: string;
        readonly epoch: number;
      };
      return [`${epoch === 0 ? '' : `e${epoch} `}${outcome}`];
    });
    return words.sort().join(', ');
  }

  // --- telling states apart

  private hash(state: State): string {
    const parts: string[] = [];
    parts.push(
      this.storeMark(state.work),
      this.storeMark(state.lake),
      ...[...state.messages.values()]
        .map(({ queue, body, receives, visible }) => `${queue} ${receives} ${visible} ${this.bodyIdOf(body)}`)
        .sort(),
      '|',
    );
    const actors = state.actors.map(({ progress, held }) => {
      const messages = held.map((name) => state.messages.get(name)?.visible ?? 'gone');
      return `${progress.id} ${messages.join(' ')}`;
    });
    parts.push(...actors.sort(), '|', String(state.crashes), String(state.duplicates), [...state.commands].sort().join(' '));
    const { last, interruptions } = state.turn;
    if (interruptions < Number.POSITIVE_INFINITY)
      parts.push(`${interruptions} ${last !== null && state.actors.includes(last) ? last.progress.id : 'free'}`);
    for (const [key, count] of state.begun) if (count > 1) parts.push(`${this.bodyIdOf(key)} ${count}`);
    return createHash('md5').update(parts.join('\n')).digest('base64');
  }

  private readonly objectIds = new WeakMap<StateObject, number>();

  /** Objects that nobody has named yet tell nothing: what names them tells that they are there. */
  private storeMark({ objects }: StoreState): string {
    const ids: number[] = [];
    for (const [key, object] of objects) {
      let id = this.objectIds.get(object);
      if (id === undefined) {
        id = ownObject.test(key) ? -1 : this.bodyIdOf(`${key} ${object.version} ${object.body.toString('latin1')}`);
        this.objectIds.set(object, id);
      }
      if (id >= 0) ids.push(id);
    }
    return ids.sort((a, b) => a - b).join(' ');
  }

  private bodyIdOf(text: string): number {
    const known = this.bodyIds.get(text);
    if (known !== undefined) return known;
    this.bodyIds.set(text, this.bodyIds.size);
    return this.bodyIds.size - 1;
  }
}

/** Whether somebody else could go on, if an actor (or a new one: null) goes on now. */
function isInterruption({ turn: { last }, actors }: State, next: Actor | null): boolean {
  return last !== null && last !== next && actors.includes(last);
}

const interrupted = (state: State, interrupts: boolean): State =>
  interrupts ? { ...state, turn: { ...state.turn, interruptions: state.turn.interruptions - 1 } } : state;

/** Written once, so that reading it again gives the same. */
const unchanging = /\/(?:plan\.json|decision\.json|outcome\.json|parts\/.*|plan\/.*\.json|_delta_log\/\d{20}\.json)$/;
/** Named by a nonce, so that nobody else writes it, and nobody reads it before it is named elsewhere. */
const ownObject = /^(?:[^/]+\/[^/]+\.parquet|runs\/[^/]+\/e\d+\/plan\/.*|recent\/.*)$/;

/** Whether it makes no difference to anybody else when a call is answered. */
function isUnnoticed(state: State, call: Call): boolean {
  switch (call.kind) {
    case 'compute':
    case 'announce':
    case 'sleep':
      return true;
    case 'get':
    case 'head':
      return call.root === 'landing' || (unchanging.test(call.key) && state[call.root].objects.has(call.key));
    case 'read':
    case 'stage':
      return true;
    case 'create':
      return ownObject.test(call.key);
    case 'send':
      // a message may be received at any time behind it; only who dies in front of it tells the difference
      return state.crashes === 0;
    default:
      return false;
  }
}

function keyOf(value: unknown): string {
  if (value === undefined) return 'undefined';
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (typeof value === 'object' && value !== null && 'body' in value && value.body instanceof Uint8Array) {
    const { body, ...rest } = value;
    return `${JSON.stringify(rest)} ${Buffer.from(body).toString('latin1')}`;
  }
  return JSON.stringify(value);
}
