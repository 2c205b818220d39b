/** `npm run explore`: all that can happen in small worlds. */
import { Command, Option } from 'commander';
import { plantedBug, plantedBugs } from './planted-bugs.ts';
import { patchModules, smallGroups } from './source-patches.ts';

const program = new Command('explore')
  .description('tries every interleaving, crash and doubled delivery in small worlds of Fanlake')
  .option('--world <text>', 'only worlds whose name has this in it', '')
  .option('--large', 'also the worlds that take minutes')
  .addOption(new Option('--bug <name>', 'with a planted mistake').choices(plantedBugs.map(({ name }) => name)))
  .option('--plain', 'faults happen at any moment, not only where they make a difference')
  .option('--json', 'one JSON document on stdout')
  .parse();
const options = program.opts<{
  readonly world: string;
  readonly large?: boolean;
  readonly bug?: string;
  readonly plain?: boolean;
  readonly json?: boolean;
}>();

patchModules([...smallGroups, ...(options.bug === undefined ? [] : plantedBug(options.bug).patches)]);
const { Explorer } = await import('./explore.ts');
const { smallWorlds } = await import('./small-worlds.ts');
const { Violation } = await import('./violation.ts');

const worlds = smallWorlds.filter(({ name, isLarge = false }) => name.includes(options.world) && (options.large === true || !isLarge));
if (worlds.length === 0)
  program.error(`error: no small world has '${options.world}' in its name. There are: ${smallWorlds.map(({ name }) => name).join('; ')}.`);
const results: unknown[] = [];
for (const world of worlds) {
  try {
    const found = await new Explorer(world, options.plain === true).explore((states) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${world.name}: ${states.toLocaleString('en')} states`);
    });
    if (process.stderr.isTTY) process.stderr.write('\r');
    results.push({ world: world.name, ...found, violation: null });
    if (options.json === true) continue;
    const ends = Object.entries(found.outcomes).map(([words, count]) => `${words} (${count})`);
    console.log(
      `${world.name}: ${found.states.toLocaleString('en')} states, ${found.transitions.toLocaleString('en')} transitions, ${found.cpuSeconds.toFixed(1)} s of a processor; ends: ${ends.join('; ')}`,
    );
  } catch (thrown) {
    if (!(thrown instanceof Violation)) throw thrown;
    process.exitCode = 1;
    results.push({ world: world.name, violation: thrown.message });
    if (options.json !== true) console.log(`${world.name}: ${thrown.message}`);
  }
}
if (options.json === true) console.log(JSON.stringify(results));
