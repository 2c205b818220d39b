import { type Scenario, scenarioOf } from './scenario.ts';
import { type FaultName, faultNames } from './scenario-faults.ts';

/** A seed's scenario with some of it left out: what replays a shrunk failure. */
export interface Variation {
  readonly seed: number;
  readonly schedule: number;
  /** Numbers of outside happenings that are left out. */
  readonly without: readonly number[];
  readonly noFaults: readonly FaultName[];
  readonly faultSteps: number | null;
}

export const plain = (seed: number): Variation => ({ seed, schedule: seed, without: [], noFaults: [], faultSteps: null });

export function variedScenario({ seed, schedule, without, noFaults, faultSteps }: Variation): Scenario {
  const scenario = scenarioOf(seed);
  return {
    ...scenario,
    schedule,
    // what refers to an upload does so by its number among the uploads: those stay
    outside: scenario.outside.filter((event, index) => event.kind === 'upload' || !without.includes(index)),
    faults: { ...scenario.faults, ...Object.fromEntries(noFaults.map((name) => [name, 0])) },
    faultSteps: faultSteps ?? scenario.faultSteps,
  };
}

/** Options of the command that replays it. */
export function replayOptions({ seed, schedule, without, noFaults, faultSteps }: Variation): string {
  const options = [`--seed ${seed}`];
  if (schedule !== seed) options.push(`--schedule ${schedule}`);
  if (without.length > 0) options.push(`--without ${without.join(',')}`);
  if (noFaults.length > 0) options.push(`--no-faults ${noFaults.join(',')}`);
  if (faultSteps !== null) options.push(`--fault-steps ${faultSteps}`);
  return options.join(' ');
}

/** What might be simpler, one change each. */
export function simpler(variation: Variation): readonly Variation[] {
  const scenario = scenarioOf(variation.seed);
  const { without, noFaults } = variation;
  const outside = scenario.outside.flatMap((event, index) => (event.kind === 'upload' || without.includes(index) ? [] : [index]));
  const faults = faultNames.filter((name) => scenario.faults[name] > 0 && !noFaults.includes(name));
  const steps = variation.faultSteps ?? scenario.faultSteps;
  return [
    ...outside.map((index) => ({ ...variation, without: [...without, index] })),
    ...faults.map((name) => ({ ...variation, noFaults: [...noFaults, name] })),
    ...(steps > 20 ? [{ ...variation, faultSteps: Math.floor(steps / 2) }] : []),
  ];
}
