/** `npm run simulate`: many worlds, each decided by a seed; or one of them, step by step. */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { plantedBug, plantedBugs } from './planted-bugs.ts';
import type { Failure, Tally } from './run-seeds.ts';
import { type FaultName, faultNames } from './scenario-faults.ts';
import { patchModules, smallGroups } from './source-patches.ts';

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly workers: number;
  readonly seed?: number;
  readonly schedule?: number;
  readonly without: readonly number[];
  readonly faults: readonly FaultName[] | true;
  readonly faultSteps?: number;
  readonly bug?: string;
  readonly json?: boolean;
  readonly part?: boolean;
}

const numberFrom =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} on.`);
  };

function faultsFrom(text: string): readonly FaultName[] {
  const names = text.split(',');
  const unknown = names.find((name) => !faultNames.some((known) => known === name));
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no fault '${unknown}'.`);
  return names as FaultName[];
}

const options = new Command('simulate')
  .description('lets Fanlake run in simulated worlds with faults, and checks what must always hold')
  .option('--seeds <n>', 'worlds', numberFrom(1), 1_000)
  .option('--from <n>', 'the first seed', numberFrom(0), 1)
  .option('--workers <n>', 'processes', numberFrom(1), availableParallelism())
  .option('--seed <n>', 'one world, step by step', numberFrom(0))
  .option('--schedule <n>', 'with --seed: another order of what happens', numberFrom(0))
  .option('--without <numbers>', 'with --seed: without these happenings', (text) => text.split(',').map(numberFrom(0)), [])
  .option('--no-faults <names>', `with --seed: without these faults (${faultNames.join(', ')})`, faultsFrom)
  .option('--fault-steps <n>', 'with --seed: no fault behind so many steps', numberFrom(0))
  .addOption(new Option('--bug <name>', 'with a planted mistake').choices(plantedBugs.map(({ name }) => name)))
  .option('--json', 'one JSON document on stdout')
  .option('--part', 'used by itself')
  .addHelpText('after', '\nEnds with 0 when nothing was violated, with 1 when something was.')
  .parse()
  .opts<Options>();

patchModules([...smallGroups, ...(options.bug === undefined ? [] : plantedBug(options.bug).patches)]);
const { addTally, noTally, replay, runSeeds, shrink } = await import('./run-seeds.ts');
const { replayOptions } = await import('./variation.ts');

/** What a process that runs a part of the seeds tells. */
type PartMessage =
  | { readonly progress: number }
  | { readonly tally: Tally; readonly failure: { variation: Failure['variation']; message: string; invariant: string } | null };

const command = (variation: Failure['variation']): string =>
  `npm run simulate -- ${replayOptions(variation)}${options.bug === undefined ? '' : ` --bug ${options.bug}`}`;

async function part(): Promise<void> {
  // faults are thrown by the thousand; whoever replays a seed sees where they come from
  Error.stackTraceLimit = 0;
  const send = (message: PartMessage): void => void process.send?.(message);
  const { tally, failure } = await runSeeds(options.from, options.seeds, (progress) => send({ progress }));
  const told =
    failure === null ? null : { variation: failure.variation, message: failure.violation.message, invariant: failure.violation.invariant };
  send({ tally, failure: told });
  process.disconnect?.();
}

async function one(seed: number): Promise<void> {
  const { schedule = seed, without, faultSteps = null } = options;
  const noFaults = options.faults === true ? [] : options.faults;
  const { trace, report } = await replay({ seed, schedule, without, noFaults, faultSteps });
  console.log(trace.join('\n'));
  process.exitCode = report.violation === null ? 0 : 1;
}

async function many(): Promise<void> {
  const startedMs = Date.now();
  const tally = noTally();
  let failure: Extract<PartMessage, { tally: Tally }>['failure'] = null;
  const each = Math.ceil(options.seeds / options.workers);
  const progress = new Map<number, number>();
  const live = process.stderr.isTTY === true;
  await Promise.all(
    Array.from({ length: options.workers }, (_, worker) => {
      const from = options.from + worker * each;
      const count = Math.min(each, options.from + options.seeds - from);
      if (count <= 0) return undefined;
      const bug = options.bug === undefined ? [] : ['--bug', options.bug];
      const child = fork(import.meta.filename, ['--part', '--from', String(from), '--seeds', String(count), ...bug]);
      return new Promise<void>((resolve, reject) => {
        child.on('message', (message: PartMessage) => {
          if ('progress' in message) {
            progress.set(worker, message.progress);
            const done = [...progress.values()].reduce((sum, n) => sum + n, 0);
            if (live) process.stderr.write(`\r${done} of ${options.seeds} seeds`);
            return;
          }
          addTally(tally, message.tally);
          // the first seed, whichever process was first
          if (failure === null || (message.failure !== null && message.failure.variation.seed < failure.variation.seed))
            failure = message.failure;
        });
        child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a process ended with ${code}`))));
      });
    }),
  );
  if (live) process.stderr.write('\r');
  const seconds = (Date.now() - startedMs) / 1000;
  if (options.json === true) console.log(JSON.stringify({ ...tally, seconds, failure }));
  else print(tally, seconds);
  if (failure === null) return;
  process.exitCode = 1;
  if (options.json === true) return;
  const { variation, message } = failure as { variation: Failure['variation']; message: string };
  console.log(`\nseed ${variation.seed} violates: ${message}\nstep by step: ${command(variation)}`);
  const found = await runSeeds(variation.seed, 1, () => {});
  if (found.failure === null) return;
  const small = await shrink(found.failure);
  console.log(`simpler:      ${command(small.variation)}`);
}

function print({ seeds, steps, outcomes, faults, reached }: Tally, seconds: number): void {
  const counts = (of: Readonly<Record<string, number>>): string =>
    Object.entries(of)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([name, count]) => `${name} ${count.toLocaleString('en')}`)
      .join(', ');
  console.log(
    `${seeds.toLocaleString('en')} seeds, ${steps.toLocaleString('en')} steps, ${seconds.toFixed(1)} s: ${(seeds / seconds).toFixed(0)} seeds a second`,
  );
  console.log(`epochs ended: ${counts(outcomes)}`);
  console.log(`faults:       ${counts(faults)}`);
  console.log(`worlds with:  ${counts(reached)}`);
}

if (options.part === true) await part();
else if (options.seed !== undefined) await one(options.seed);
else await many();
