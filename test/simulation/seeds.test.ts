import { describe, expect, it } from 'vitest';
import { run, seeds, simulate } from './commands.ts';
import { faultNames, reachedNames } from './scenario-faults.ts';

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
