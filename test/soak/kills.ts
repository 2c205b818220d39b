import type { Random } from '../simulation/random.ts';

/** A process that may be killed. */
export interface Victim<Kind extends string> {
  readonly kind: Kind;
  /** Kills it; false when it has ended meanwhile. */
  readonly kill: () => boolean;
}

/** Chooses whom to kill, so that each kind has its share, and counts. */
export class Kills<Kind extends string> {
  readonly counts: Record<Kind, number>;
  /** Of those that were chosen here. */
  private readonly chosen: Record<Kind, number>;
  private readonly shares: Readonly<Record<Kind, number>>;
  private readonly random: Random;

  /** @param shares how often a kind is killed against the others */
  constructor(shares: Readonly<Record<Kind, number>>, random: Random) {
    this.shares = shares;
    this.random = random;
    this.counts = { ...shares };
    for (const kind in this.counts) this.counts[kind] = 0;
    this.chosen = { ...this.counts };
  }

  get total(): number {
    return Object.values<number>(this.counts).reduce((sum, count) => sum + count, 0);
  }

  /** Kills one of them: of the kind that has had the least of its share. */
  one(victims: readonly Victim<Kind>[]): void {
    if (victims.length === 0) return;
    const due = (kind: Kind): number => this.chosen[kind] / this.shares[kind];
    const least = Math.min(...victims.map(({ kind }) => due(kind)));
    const victim = this.random.pick(victims.filter(({ kind }) => due(kind) === least));
    this.chosen[victim.kind] += 1;
    this.kill(victim);
  }

  /** Kills this one, beyond its kind's share. */
  kill(victim: Victim<Kind>): void {
    if (victim.kill()) this.counts[victim.kind] += 1;
  }
}
