import { FanlakeError } from '../../functions/core/errors.ts';
import { type Call, isRead, type StoreCall } from './calls.ts';
import type { Answer, ExploredFunctions, Progress } from './explored-functions.ts';
import type { Content, QueueName, StateNames } from './explored-state.ts';
import { immutable } from './invariants.ts';
import type { StoreState } from './store-state.ts';

export interface Roots {
  readonly landing: StoreState;
  readonly work: Content;
  readonly lake: Content;
}

/** What a function does by itself until it stands before a call that somebody else could notice, or is over. */
export interface Course {
  readonly progress: Progress;
  readonly work: Content;
  readonly lake: Content;
  readonly sent: readonly { readonly queue: QueueName; readonly body: string }[];
}

/** Looks at what was written. */
export type Check = (stores: { readonly work: StoreState; readonly lake: StoreState }, written: Written) => void;

export interface Written {
  readonly root: 'work' | 'lake';
  readonly call: StoreCall;
  readonly key: string;
  readonly existed: boolean;
}

/**
 * Courses of functions, each worked out once: what a function does depends on nothing but where it stands and what the stores hold.
 *
 * Calls that nobody else can notice aren't interleaved with those of others. Each of them commutes with whatever others may do meanwhile, so that every
 * order has the same end as one in which they follow at once (an ample set of one transition; Godefroid, Partial-Order Methods for the Verification of
 * Concurrent Systems, 1996, chapters 3 and 4). No state is passed over in which something could be wrong: the checks look at what is written to keys that
 * others read, and a function that goes round within such calls for ever would not come back from here.
 */
export class Courses {
  private readonly functions: ExploredFunctions;
  private readonly landing: StoreState;
  private readonly names: StateNames;
  private readonly check: Check;
  private readonly known = new Map<string, Course>();
  private readonly cleaned = new Map<string, { readonly work: Content; readonly lake: Content }>();
  private readonly uses = new Map<string, boolean>();

  constructor(functions: ExploredFunctions, landing: StoreState, names: StateNames, check: Check) {
    this.functions = functions;
    this.landing = landing;
    this.names = names;
    this.check = check;
  }

  /** From a beginning. */
  async begin(progress: Progress, work: Content, lake: Content, mayDie: boolean): Promise<Course> {
    const key = `begin ${progress.id} ${work.id} ${lake.id} ${mayDie}`;
    const known = this.known.get(key) ?? (await this.quiet({ progress, work, lake, sent: [] }, mayDie));
    this.known.set(key, known);
    return known;
  }

  /** From a call on, which is answered. */
  async advance(progress: Progress, work: Content, lake: Content, mayDie: boolean): Promise<Course> {
    const key = `${progress.id} ${work.id} ${lake.id} ${mayDie}`;
    const known = this.known.get(key) ?? (await this.quiet(await this.answer({ progress, work, lake, sent: [] }), mayDie));
    this.known.set(key, known);
    return known;
  }

  private async quiet(from: Course, mayDie: boolean): Promise<Course> {
    let course = from;
    for (;;) {
      const { standing } = course.progress;
      if (standing.kind === 'over' || !this.isUnnoticed(course, standing.call, mayDie)) return course;
      course = await this.answer(course);
    }
  }

  /** Whether it makes no difference to anybody else when a call is answered. */
  private isUnnoticed({ work, lake }: Course, call: Call, mayDie: boolean): boolean {
    switch (call.kind) {
      case 'compute':
      case 'announce':
      case 'sleep':
        return true;
      case 'get':
      case 'head':
        return call.root === 'landing' || (immutable.test(call.key) && (call.root === 'work' ? work : lake).store.objects.has(call.key));
      case 'read':
      case 'stage':
        return true;
      case 'create':
        return this.isUnnamed(call.key, work, lake);
      case 'send':
        // a message may be received at any time behind it; only who dies in front of it tells the difference
        return !mayDie;
      default:
        return false;
    }
  }

  /** Nobody but its writer knows of it. */
  private isUnnamed(key: string, work: Content, lake: Content): boolean {
    if (!ownObject.test(key)) return false;
    const [named] = nonce.exec(key) ?? [];
    return named === undefined || !this.isUsed(named, { work, lake });
  }

  private async answer(course: Course): Promise<Course> {
    const { standing } = course.progress;
    if (standing.kind === 'over') throw new Error('a function that is over');
    const { next, answer, key } = this.apply(course, standing.call);
    return { ...next, progress: await this.functions.answer(course.progress, key, answer) };
  }

  private apply(course: Course, call: Call): { readonly next: Course; readonly answer: Answer; readonly key: string } {
    switch (call.kind) {
      case 'send': {
        const sent = call.bodies.map((body) => ({ queue: call.queue as QueueName, body }));
        return { next: { ...course, sent: [...course.sent, ...sent] }, answer: { value: [] }, key: 'sent' };
      }
      case 'announce':
      case 'compute':
      case 'sleep':
        return { next: course, answer: { value: undefined }, key: 'done' };
      default:
        return this.applyToStore(course, call);
    }
  }

  private applyToStore(course: Course, asked: StoreCall): { readonly next: Course; readonly answer: Answer; readonly key: string } {
    const call = withoutFigures(asked);
    const { root } = call;
    const before = root === 'landing' ? this.landing : course[root].store;
    const isChange = !isRead(call);
    const store = isChange ? before.clone() : before;
    const key = 'key' in call ? call.key : call.kind === 'copy' ? call.to : '';
    const existed = before.objects.has(key);
    try {
      const value = store.apply(call, 0);
      if (!isChange || root === 'landing') return { next: course, answer: { value }, key: keyOf(value) };
      const next = { ...course, [root]: this.names.contentOf(store) };
      if (call.kind === 'delete' || (value !== null && value !== false))
        this.check({ work: next.work.store, lake: next.lake.store }, { root, call, key, existed });
      return { next, answer: { value }, key: keyOf(value) };
    } catch (error) {
      if (!(error instanceof FanlakeError)) throw error;
      return { next: course, answer: { error }, key: `error ${error.code}` };
    }
  }

  /** Whether a document or its key has it. */
  isUsed(name: string, { work, lake }: { readonly work: Content; readonly lake: Content }): boolean {
    const key = `${name} ${work.id} ${lake.id}`;
    let known = this.uses.get(key);
    if (known === undefined) {
      known = [work, lake].some(({ store }) =>
        [...store.objects].some(([at, { body }]) => !ownObject.test(at) && (at.includes(name) || body.includes(name))),
      );
      this.uses.set(key, known);
    }
    return known;
  }

  /** Without what a function that is gone has left, and that no document names: nobody will ever read it. */
  withoutOrphans(name: string, work: Content, lake: Content): { readonly work: Content; readonly lake: Content } {
    const key = `${name} ${work.id} ${lake.id}`;
    let known = this.cleaned.get(key);
    if (known === undefined) {
      const isKept = this.isUsed(name, { work, lake });
      known = isKept ? { work, lake } : { work: this.cleanedOf(work, name), lake: this.cleanedOf(lake, name) };
      this.cleaned.set(key, known);
    }
    return known;
  }

  private cleanedOf(content: Content, name: string): Content {
    const orphans = [...content.store.objects.keys()].filter((key) => ownObject.test(key) && key.includes(name));
    if (orphans.length === 0) return content;
    const store = content.store.clone();
    for (const key of orphans) store.forget(key);
    return this.names.contentOf(store);
  }
}

/** Named by a nonce, so that nobody else writes it, and nobody reads it before it is named elsewhere. */
const ownObject = /^(?:[^/]+\/[^/]+\.parquet|runs\/[^/]+\/e\d+\/(?:plan\/.*|parts\/.*\.parquet)|recent\/.*)$/;

/** As data files, pages of plans and rows between stages have it in their keys. */
const nonce = /(?<=\/plan\/)[0-9a-f]{12}(?=\/)|(?<=-)[0-9a-f]{12}(?=-\d+\.parquet$|\.parquet$)/;

const part = /^runs\/.*\/parts\/.*\/\d{7}$/;

/** A part tells how often its message was received. It is a figure for people: nothing that a function does depends on it, so it is not told apart. */
function withoutFigures(call: StoreCall): StoreCall {
  if ((call.kind !== 'create' && call.kind !== 'put') || !part.test(call.key)) return call;
  return { ...call, body: Buffer.from(call.body.toString().replace(/"attempts":\d+/, '"attempts":1')) };
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
