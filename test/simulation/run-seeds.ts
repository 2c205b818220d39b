import { plain, simpler, type Variation, variedScenario } from './variation.ts';
import type { Violation } from './violation.ts';
import { type Report, World } from './world.ts';

export interface Failure {
  readonly variation: Variation;
  readonly violation: Violation;
}

/** What many seeds came to. */
export interface Tally {
  seeds: number;
  steps: number;
  readonly outcomes: Record<string, number>;
  readonly faults: Record<string, number>;
  /** Worlds in which a rare thing has happened. */
  readonly reached: Record<string, number>;
}

export const noTally = (): Tally => ({ seeds: 0, steps: 0, outcomes: {}, faults: {}, reached: {} });

export function addTally(into: Tally, { seeds, steps, outcomes, faults, reached }: Tally): void {
  into.seeds += seeds;
  into.steps += steps;
  addCounts(into.outcomes, outcomes);
  addCounts(into.faults, faults);
  addCounts(into.reached, reached);
}

function addCounts(into: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) into[name] = (into[name] ?? 0) + count;
}

const runOne = (variation: Variation): Promise<Report> => new World(variedScenario(variation)).run();

/**
 * Runs the worlds of seeds `[from, from + count)`, to the first that violates something.
 * @param onProgress gets the seeds so far
 */
export async function runSeeds(
  from: number,
  count: number,
  onProgress: (seeds: number) => void,
): Promise<{ tally: Tally; failure: Failure | null }> {
  const tally = noTally();
  for (let seed = from; seed < from + count; seed++) {
    const variation = plain(seed);
    const { violation, steps, outcomes, faults, reached } = await runOne(variation);
    addTally(tally, { seeds: 1, steps, outcomes, faults, reached: Object.fromEntries(reached.map((name) => [name, 1])) });
    if (violation !== null) return { tally, failure: { variation, violation } };
    if (tally.seeds % 100 === 0) onProgress(tally.seeds);
  }
  return { tally, failure: null };
}

/** Schedules that are tried for each simpler scenario. */
const schedulesPerTry = 20;
/** Nobody waits longer for a simpler world. */
const longestShrinkMs = 60_000;

/**
 * A simpler world with the same violation: outside happenings and kinds of faults are left out one by one, each time with a number of other schedules.
 * What can't be left out stays.
 */
export async function shrink(failure: Failure): Promise<Failure> {
  let best = failure;
  const untilMs = Date.now() + longestShrinkMs;
  for (let changed = true; changed && Date.now() < untilMs; ) {
    changed = false;
    for (const candidate of simpler(best.variation)) {
      if (Date.now() > untilMs) break;
      const found = await sameViolation(candidate, best.violation.invariant);
      if (found === null) continue;
      best = found;
      changed = true;
      break;
    }
  }
  return best;
}

async function sameViolation(candidate: Variation, invariant: string): Promise<Failure | null> {
  for (let n = 0; n < schedulesPerTry; n++) {
    const variation = n === 0 ? candidate : { ...candidate, schedule: n };
    const { violation } = await runOne(variation);
    if (violation?.invariant === invariant) return { variation, violation };
  }
  return null;
}

/** The world of a variation step by step, and what it violates. */
export async function replay(variation: Variation): Promise<{ readonly trace: readonly string[]; readonly report: Report }> {
  const world = new World(variedScenario(variation), true);
  const report = await world.run();
  return { trace: world.trace, report };
}
