import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How an epoch of a run ended, as far as a soak looks at it. */
export interface Ending {
  readonly run: string;
  readonly epoch: number;
  readonly table: string;
  readonly outcome: string;
  /** The error's code. */
  readonly code: string | null;
  readonly message: string | null;
  /** The first objects, and the bytes of all. */
  readonly keys: readonly string[];
  readonly bytes: number;
}

/** Where work and lake can be looked into, by nothing of Fanlake. */
export interface Place {
  readonly keys: (root: 'work' | 'lake') => Promise<readonly string[]>;
  readonly text: (root: 'work' | 'lake', key: string) => Promise<string>;
}

/** The roots of a home on this disk. */
export function homePlace(home: string): Place {
  return {
    keys: async (root) => {
      try {
        return readdirSync(join(home, root), { recursive: true, encoding: 'utf8' });
      } catch {
        // nothing has been written there yet, or a folder went while it was read
        return [];
      }
    },
    text: async (root, key) => readFileSync(join(home, root, key), 'utf8'),
  };
}

const planPattern = /^runs\/(?<run>[^/]+)\/e(?<epoch>\d+)\/plan\.json$/;
const outcomePattern = /^(?<table>[^/]+)\/_fanlake\/(?<run>[^/]+)\/e(?<epoch>\d+)\/outcome\.json$/;
const entryPattern = /^[^/]+\/_delta_log\/\d{20}\.json$/;

/** What plans, outcomes and logs tell, read from their places by name. */
export class Ledger {
  private readonly place: Place;
  private readonly planned = new Map<string, number>();
  private readonly known = new Map<string, Ending>();
  /** The newest ending of each run. */
  private readonly newest = new Map<string, Ending>();
  commits = 0;

  constructor(place: Place) {
    this.place = place;
  }

  /** Looks again. */
  async refresh(): Promise<void> {
    for (const key of await this.place.keys('work')) {
      const { run, epoch } = planPattern.exec(key)?.groups ?? {};
      if (run !== undefined) this.planned.set(run, Math.max(this.planned.get(run) ?? 0, Number(epoch)));
    }
    const keys = await this.place.keys('lake');
    this.commits = keys.filter((key) => entryPattern.test(key)).length;
    for (const key of keys) {
      const { table } = outcomePattern.exec(key)?.groups ?? {};
      if (table === undefined || this.known.has(key)) continue;
      const ending = endingOf(table, await this.place.text('lake', key));
      this.known.set(key, ending);
      const before = this.newest.get(ending.run);
      if (before === undefined || before.epoch < ending.epoch) this.newest.set(ending.run, ending);
    }
  }

  get runs(): readonly string[] {
    return [...new Set([...this.planned.keys(), ...this.newest.keys()])];
  }

  /** How each run ended in its newest epoch. */
  get endings(): readonly Ending[] {
    return [...this.newest.values()];
  }

  /** Runs whose newest plan has no outcome. */
  get unended(): readonly string[] {
    return [...this.planned].filter(([run, epoch]) => (this.newest.get(run)?.epoch ?? -1) < epoch).map(([run]) => run);
  }

  /** How the run of an upload ended: of an object of this key and size. */
  endingOf(key: string, bytes: number): Ending | undefined {
    return this.endings.find((ending) => ending.bytes === bytes && ending.keys.length === 1 && ending.keys[0] === key);
  }
}

function endingOf(table: string, text: string): Ending {
  const receipt = JSON.parse(text) as {
    readonly run: string;
    readonly epoch: number;
    readonly outcome: string;
    readonly objects: { readonly first: readonly string[] };
    readonly bytes: { readonly input: number };
    readonly error: { readonly code: string; readonly message: string } | null;
  };
  const { run, epoch, outcome, objects, bytes, error } = receipt;
  return {
    run,
    epoch,
    table,
    outcome,
    code: error?.code ?? null,
    message: error?.message ?? null,
    keys: objects.first,
    bytes: bytes.input,
  };
}
