import { planKey } from '../../functions/core/keys.ts';
import type { ObjectVersion } from '../../functions/core/ports.ts';
import type { Receipt } from '../../functions/core/receipt.ts';
import { readDecision, readOutcome } from '../../functions/protocol/documents.ts';
import { lookUpRun } from '../../functions/protocol/look-up-run.ts';
import { takeUpRun } from '../../functions/protocol/take-up-run.ts';
import type { LocalFanlake } from './local-fanlake.ts';

/** A run that has landed and not ended. */
export interface OpenRun {
  readonly run: string;
  readonly job: string;
  /** Key of its table. */
  readonly table: string;
  /** Null when it isn't the run of one upload. */
  readonly object: ObjectVersion | null;
  /** When it landed, in milliseconds since 1970 UTC. */
  readonly landedMs: number;
  /** How often it was planned again. */
  readonly replans: number;
}

interface Entry {
  readonly open: OpenRun;
  /** Null until it is planned. */
  epoch: number | null;
  lookMs: number;
  /** It was decided when it was found, perhaps by a process that died then: it is gone on with if it doesn't end. */
  foundDecidedMs: number | null;
}

/** Runs that are looked at in one sweep. */
const looksPerSweep = 300;
const sweepEveryMs = 2_000;
/** How long another process is given to end a run that it has decided. */
const patienceMs = 10_000;

/** The runs that a `watch` waits for. Most ends are told by the reducer of this process; sweeps find those that another process brought about. */
export class OpenRuns {
  private readonly fanlake: LocalFanlake;
  private readonly onEnd: (open: OpenRun, receipt: Receipt) => Promise<void>;
  private readonly onLost: (open: OpenRun, epoch: number) => Promise<boolean>;
  private readonly entries = new Map<string, Entry>();

  /** @param onLost the epoch's plan is gone, and nobody has decided it; answers whether it is planned once more */
  constructor(
    fanlake: LocalFanlake,
    onEnd: (open: OpenRun, receipt: Receipt) => Promise<void>,
    onLost: (open: OpenRun, epoch: number) => Promise<boolean>,
  ) {
    this.fanlake = fanlake;
    this.onEnd = onEnd;
    this.onLost = onLost;
  }

  get size(): number {
    return this.entries.size;
  }

  has(run: string): boolean {
    return this.entries.has(run);
  }

  add(open: OpenRun): void {
    this.entries.set(open.run, { open, epoch: null, lookMs: performance.now(), foundDecidedMs: null });
  }

  /** The run is planned, or was found decided. */
  async planned(run: string, epoch: number, decided: boolean): Promise<void> {
    const entry = this.entries.get(run);
    if (entry === undefined) return;
    entry.epoch = epoch;
    if (decided) entry.foundDecidedMs = performance.now();
    await this.check(run);
  }

  /** Looks whether the run has ended. */
  async check(run: string): Promise<void> {
    const entry = this.entries.get(run);
    if (entry === undefined) return;
    entry.lookMs = performance.now();
    const { table } = entry.open;
    const { lake } = this.fanlake.home.stores;
    while (entry.epoch !== null) {
      const id = { run, epoch: entry.epoch };
      const outcome = await readOutcome(lake, table, id);
      if (outcome !== null) {
        if (this.entries.delete(run)) await this.onEnd(entry.open, outcome);
        return;
      }
      const decision = await readDecision(lake, table, id);
      if (decision?.kind !== 'fail' || decision.error.code !== 'chain') return this.helpOn(entry);
      // what was read from a wrong place is read again in the next epoch
      entry.epoch = id.epoch + 1;
    }
  }

  /** Looks at the runs that haven't been looked at for the longest time. */
  async sweep(): Promise<void> {
    const beforeMs = performance.now() - sweepEveryMs;
    const due = [...this.entries].filter(([, { lookMs, epoch }]) => epoch !== null && lookMs < beforeMs).slice(0, looksPerSweep);
    for (const [run] of due) {
      await this.check(run);
      await this.seeWhetherLost(run);
    }
  }

  /** A run whose plan went (a deleted work folder) would be waited for for ever. */
  private async seeWhetherLost(run: string): Promise<void> {
    const entry = this.entries.get(run);
    if (entry === undefined || entry.epoch === null) return;
    const { work, lake } = this.fanlake.home.stores;
    const id = { run, epoch: entry.epoch };
    if ((await work.head(planKey(id))) !== null || (await readDecision(lake, entry.open.table, id)) !== null) return;
    // until it is planned
    entry.epoch = null;
    if (!(await this.onLost(entry.open, id.epoch))) entry.epoch = id.epoch;
  }

  private async helpOn(entry: Entry): Promise<void> {
    const { foundDecidedMs, open } = entry;
    if (foundDecidedMs === null || performance.now() - foundDecidedMs < patienceMs) return;
    entry.foundDecidedMs = null;
    const found = await lookUpRun(this.fanlake.home.stores, open.table, open.run);
    if (found !== null && found.plan !== null && found.outcome === null) await takeUpRun(this.fanlake.context, found, null);
  }
}
