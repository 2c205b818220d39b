import { uploadRun } from '../../functions/core/upload.ts';
import { Courses, type Written } from './explored-courses.ts';
import { ExploredFunctions } from './explored-functions.ts';
import { isAtRest, type Message, type State, StateNames } from './explored-state.ts';
import { type Step, Steps } from './explored-steps.ts';
import { Invariants, type LandedUpload, rangeId } from './invariants.ts';
import { queryKind } from './queries.ts';
import type { SmallWorld } from './small-world.ts';
import { StoreState } from './store-state.ts';
import { uploadEvent } from './upload-event.ts';
import { Violation } from './violation.ts';

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  readonly ends: number;
  /** Outcomes of all runs at an end, and how many ends have them. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Of a processor. */
  readonly cpuSeconds: number;
}

/** A state by its number: how it was reached first. */
interface Reached {
  readonly from: number;
  /** Which of the steps there are. */
  readonly step: number;
}

/** More than any run of a small world comes to. */
const epochs = Array.from({ length: 20 }, (_, epoch) => epoch);

/** Tries all interleavings of a small world's functions and faults, each state once, nearest first. */
export class Explorer {
  private readonly world: SmallWorld;
  private readonly names = new StateNames();
  private readonly steps: Steps;
  private readonly uploads = new Map<string, LandedUpload>();
  /** Whatever a task that is given up may be missing. */
  private readonly everyRange = new Set<string>();
  private readonly first: State;
  private readonly reached: Reached[] = [];
  private readonly edges: number[] = [];

  /** @param isPlain faults happen at any moment, not only where they make a difference */
  constructor(world: SmallWorld, isPlain = false) {
    this.world = world;
    const landing = new StoreState(true);
    const messages = this.land(landing);
    const functions = new ExploredFunctions(world.deployment);
    const courses = new Courses(functions, landing, this.names, (stores, written) => this.check(stores, written));
    const [upload] = this.uploads.values();
    this.steps = new Steps(world, functions, courses, upload, isPlain);
    const { crashes, duplicates } = world;
    this.first = {
      work: this.names.contentOf(new StoreState(false)),
      lake: this.names.contentOf(new StoreState(false)),
      messages,
      actors: [],
      crashes,
      duplicates,
      commands: world.commands,
    };
  }

  /** The events of all uploads. */
  private land(landing: StoreState): ReadonlyMap<number, Message> {
    const messages = new Map<number, Message>();
    for (const { key, body, events } of this.world.uploads) {
      landing.apply({ root: 'landing', kind: 'put', key, body: Buffer.from(body) }, 0);
      const object = landing.head(key);
      const job = this.world.deployment.jobs.find(({ input }) => key.startsWith(input.prefix ?? '-'));
      if (object === null || job === undefined) throw new Error(`no job takes ${key}`);
      const run = uploadRun({ job, object });
      const { maxBadRows, maxFailedTasks } = job.limits;
      const { format, name: table } = job.table;
      const deadlineMs = Number.POSITIVE_INFINITY;
      this.uploads.set(run, { ...object, run, table, format, body, query: queryKind(job.query), maxBadRows, maxFailedTasks, deadlineMs });
      for (let end = body.length; end > 0; end--)
        for (let start = 0; start < end; start++) this.everyRange.add(rangeId(run, { key, start, end }));
      const event: Message = { queue: 'requests', body: uploadEvent(object, true), receives: 0, visible: true, several: false };
      for (let n = 0; n < events; n++) messages.set(-1 - messages.size, event);
    }
    return messages;
  }

  /**
   * @param onProgress gets the states so far
   * @throws Violation with the way to it
   */
  async explore(onProgress: (states: number) => void = () => {}): Promise<Exploration> {
    const begun = process.cpuUsage();
    const known = new Map([[this.names.keyOf(this.first), 0]]);
    const goals: number[] = [];
    const outcomes: Record<string, number> = {};
    this.reached.push({ from: -1, step: -1 });
    let open: State[] = [this.first];
    let id = 0;
    while (open.length > 0) {
      const next: State[] = [];
      for (const state of open) {
        const steps = await this.steps.of(state).catch(async (thrown: unknown) => Promise.reject(await this.withWay(thrown, id)));
        if (steps.length === 0 || isAtRest(state)) {
          await this.checkEnd(state, id);
          goals.push(id);
          const words = this.outcomesOf(state);
          outcomes[words] = (outcomes[words] ?? 0) + 1;
        }
        for (const [step, { state: reached }] of steps.entries()) {
          const key = this.names.keyOf(reached);
          let reachedId = known.get(key);
          if (reachedId === undefined) {
            reachedId = known.size;
            known.set(key, reachedId);
            this.reached.push({ from: id, step });
            next.push(reached);
            if (reachedId % 10_000 === 0) onProgress(reachedId);
          }
          this.edges.push(id, reachedId);
        }
        id += 1;
      }
      open = next;
    }
    await this.checkAllEnd(goals);
    const { user, system } = process.cpuUsage(begun);
    return {
      states: known.size,
      transitions: this.edges.length / 2,
      ends: goals.length,
      outcomes,
      cpuSeconds: (user + system) / 1e6,
    };
  }

  // --- what must hold

  private check(stores: { readonly work: StoreState; readonly lake: StoreState }, { root, call, key, existed }: Written): void {
    const invariants = this.invariants(stores);
    if (call.kind === 'delete') invariants.deleted(root, key);
    else invariants.written(root, key, stores[root].objects.get(key)?.body ?? Buffer.of(), existed);
  }

  private invariants(stores: { readonly work: StoreState; readonly lake: StoreState }): Invariants {
    const all = new Set(this.uploads.keys());
    const none = new Set<string>();
    return new Invariants(stores, this.uploads, {
      givenUpRanges: this.world.mayGiveUp ? this.everyRange : none,
      givenUpEpochs: this.world.mayGiveUp ? new Set([...all].flatMap((run) => epochs.map((epoch) => `${run}/e${epoch}`))) : none,
      expired: none,
      cancelled: this.world.commands.includes('cancel') ? all : none,
      overwritten: none,
      changedTables: none,
      changesSince: new Map(),
      vacuumed: none,
      troubleMs: new Map(),
      clockErrorMs: 0,
    });
  }

  private async checkEnd(state: State, id: number): Promise<void> {
    try {
      if (!isAtRest(state)) throw new Violation('no state is stuck', `${state.messages.size} messages, ${state.actors.length} functions`);
      this.invariants({ work: state.work.store, lake: state.lake.store }).atRest();
    } catch (thrown) {
      throw await this.withWay(thrown, id);
    }
  }

  /** From every state an end can be reached: nothing goes round for ever. */
  private async checkAllEnd(goals: readonly number[]): Promise<void> {
    const before: number[][] = this.reached.map(() => []);
    for (let edge = 0; edge < this.edges.length; edge += 2) before[this.edges[edge + 1] ?? 0]?.push(this.edges[edge] ?? 0);
    const ends = new Uint8Array(this.reached.length);
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
    if (lost >= 0) throw await this.withWay(new Violation('an end can be reached from every state', `not from state ${lost}`), lost);
  }

  /** A violation with the steps to a state, taken once more to tell them. */
  private async withWay(thrown: unknown, id: number): Promise<unknown> {
    if (!(thrown instanceof Violation)) return thrown;
    const way: number[] = [];
    for (let at = id; at > 0; at = this.reached[at]?.from ?? 0) way.unshift(this.reached[at]?.step ?? 0);
    const told: string[] = [];
    let state = this.first;
    for (const step of way) {
      const taken: Step | undefined = (await this.steps.of(state))[step];
      if (taken === undefined) throw new Error('the same state has other steps');
      told.push(`  ${told.length + 1}. ${taken.what}`);
      state = taken.state;
    }
    return new Violation(thrown.invariant, [thrown.found, ...told].join('\n'));
  }

  private outcomesOf({ lake: { store } }: State): string {
    const words = store.keys().flatMap((key) => {
      if (!key.endsWith('/outcome.json')) return [];
      const { outcome, epoch } = JSON.parse(store.objects.get(key)?.body.toString() ?? '{}') as {
        readonly outcome: string;
        readonly epoch: number;
      };
      return [`${epoch === 0 ? '' : `e${epoch} `}${outcome}`];
    });
    return words.sort().join(', ');
  }
}
