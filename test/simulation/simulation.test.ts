import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { plantedBugs } from './planted-bugs.ts';
import type { Tally } from './run-seeds.ts';
import { faultNames, reachedNames } from './scenario-faults.ts';

interface Simulated extends Tally {
  readonly seconds: number;
  readonly failure: { readonly message: string; readonly invariant: string; readonly variation: { readonly seed: number } } | null;
}

/** What `npm run simulate` does. It waits for nothing, so it lets all others go first. */
function run(program: string, ...args: readonly string[]): { readonly code: number | null; readonly output: string } {
  const command = [process.execPath, fileURLToPath(new URL(program, import.meta.url)), ...args];
  const { status, stdout, stderr } = spawnSync('nice', ['-n', '19', ...command], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return { code: status, output: stdout + stderr };
}

function simulate(...args: readonly string[]): Simulated {
  const { output } = run('./main.ts', '--json', ...args);
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Simulated;
}

interface Explored {
  readonly world: string;
  readonly violation: string | null;
  readonly outcomes?: Readonly<Record<string, number>>;
}

/** What `npm run explore` finds, but for how it got there. */
function explored(...args: readonly string[]): readonly Explored[] {
  const worlds = JSON.parse(run('./explore-main.ts', '--json', ...args).output) as readonly Explored[];
  return worlds.map(({ world, violation, outcomes = {} }) => ({ world, violation: violation?.split('\n')[0] ?? null, outcomes }));
}

const seeds = 10_000;
/** A planted mistake is looked for in so many seeds: as many as must be without one. */
const seedsForBugs = seeds;

describe('simulated worlds', () => {
  it(`${seeds.toLocaleString('en')} seeds violate nothing, and in them every fault, every outcome and what is rare occurs`, () => {
    const { failure, outcomes, faults, reached, steps, seconds } = simulate('--seeds', String(seeds));
    console.log(`${seeds} seeds, ${steps} steps, ${seconds.toFixed(0)} s, worlds with: ${JSON.stringify(reached)}`);
    // named in full, with what replays it
    expect(failure === null ? null : `${failure.message}\nnpm run simulate -- --seed ${failure.variation.seed}`).toBeNull();
    expect(Object.keys(faults).sort()).toEqual([...faultNames].sort());
    expect(Object.keys(reached).sort()).toEqual([...reachedNames].sort());
    expect(Object.keys(outcomes).sort()).toEqual(['CANCELLED', 'COMMITTED', 'FAILED', 'PARTIAL']);
  });

  it('a seed is the same world each time, step by step', () => {
    const first = run('./main.ts', '--seed', '7');
    expect(first.code).toBe(0);
    expect(first.output.split('\n').length).toBeGreaterThan(50);
    expect(run('./main.ts', '--seed', '7')).toEqual(first);
  });
});

describe('a planted mistake is caught', () => {
  it.each(plantedBugs.filter(({ caughtBy }) => caughtBy.simulation !== null))('by simulation: $name', ({ name, caughtBy }) => {
    const { failure, seeds: tried } = simulate('--bug', name, '--seeds', String(seedsForBugs));
    console.log(`${name}: seed ${failure?.variation.seed}, ${tried} seeds tried`);
    expect(failure?.invariant).toBeDefined();
    expect(caughtBy.simulation).toContain(failure?.invariant);
  });

  it.each(plantedBugs.filter(({ caughtBy }) => caughtBy.exploration !== null))('by exploration: $name', ({ name, caughtBy }) => {
    const [found] = explored('--bug', name, '--world', caughtBy.exploration ?? '').filter(({ violation }) => violation !== null);
    console.log(`${name}: ${found?.world}: ${found?.violation}`);
    // a violation, and not a program that fell over
    expect(found?.violation).toMatch(/^[a-z' ]+: /);
  });
});

describe('everything that can happen in a small world', () => {
  it('is tried: no state is stuck, none is unsafe, and from each an end can be reached', () => {
    const { code, output } = run('./explore-main.ts');
    console.log(output);
    expect(code, output).toBe(0);
  });

  it.each(['one task', 'commit against cancel', 'cancel and retry', 'two runs', 'given up, and retried', 'two tasks and cancel'])(
    'has the same ends where faults happen at any moment, and not only where they make a difference: %s',
    (world) => {
      expect(explored('--world', world)).toEqual(explored('--world', world, '--plain'));
    },
  );

  it('is unsafe in the same way with a planted mistake', () => {
    const args = ['--world', 'one task, a crash', '--bug', 'stop-at-412'];
    expect(explored(...args)).toEqual(explored(...args, '--plain'));
    expect(explored(...args)[0]?.violation).toMatch(/^every run ends: /);
  });
});
