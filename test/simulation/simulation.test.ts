import { describe, expect, it } from 'vitest';
import { run, seeds, simulate } from './commands.ts';
import { plantedBugs } from './planted-bugs.ts';

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

describe('a planted mistake is caught', () => {
  it.each(plantedBugs.filter(({ caughtBy }) => caughtBy.simulation !== null))('by simulation: $name', ({ name, caughtBy }) => {
    const { failure, seeds: tried } = simulate('--bug', name, '--seeds', String(seeds));
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
