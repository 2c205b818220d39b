import { Command, CommanderError, Option } from 'commander';
import { FanlakeError } from '../functions/core/errors.ts';
import { cancelCommand } from './commands/cancel.ts';
import { explainCommand } from './commands/explain.ts';
import { quarantineCommand } from './commands/quarantine.ts';
import { queryCommand } from './commands/query.ts';
import { retryCommand } from './commands/retry.ts';
import { runCommand } from './commands/run.ts';
import { statusCommand } from './commands/status.ts';
import { sweepCommand } from './commands/sweep.ts';
import { fanlakeVersion } from './local/version.ts';
import type { Shell } from './shell.ts';
import { watchCommandOf } from './watch-command.ts';

const help = `
Examples:
  fanlake run --query "SELECT * FROM input" --table people --input people.csv
  fanlake query "SELECT count(*) FROM people"
  fanlake status --stack lake

"fanlake <command> --help" tells more of each. What scripts may rely on: docs/interface.md of Fanlake.`;

/** The commands with the options that all of them have. */
export function createProgram(shell: Shell): Command {
  const program = new Command('fanlake')
    .description('Files that land become lake tables, each upload exactly once.')
    .version(fanlakeVersion, '-V, --version', 'the version')
    .helpOption('-h, --help', 'this help')
    .addHelpText('after', help)
    .showSuggestionAfterError(true)
    .enablePositionalOptions()
    .exitOverride()
    // what commander would write of errors is thrown and written by us
    .configureOutput({ outputError: () => {} });
  for (const create of [
    runCommand,
    watchCommandOf,
    statusCommand,
    explainCommand,
    retryCommand,
    cancelCommand,
    queryCommand,
    quarantineCommand,
    sweepCommand,
  ]) {
    program.addCommand(withCommonOptions(create(shell).copyInheritedSettings(program)));
  }
  return program;
}

function withCommonOptions(command: Command): Command {
  return command
    .option('--home <folder>', 'the folder of this machine that holds landing, work and lake', '.fanlake')
    .option(
      '--json',
      command.name() === 'watch' ? 'each line on stdout is one JSON document' : 'one JSON document on stdout, nothing else there',
    )
    .addOption(
      new Option(
        '--stack <name>',
        'act on a deployed stack instead of this machine, in the region and with the credentials of the environment',
      ).hideHelp(command.name() === 'watch'),
    )
    .hook('preAction', (_command, acting) => {
      if (acting.opts()['stack'] !== undefined) refuseOnStack(acting);
    });
}

/** What has no meaning on a deployed stack. */
function refuseOnStack(acting: Command): void {
  if (acting.name() === 'watch') {
    throw new FanlakeError(
      'usage',
      'watch is for this machine: on a stack uploads start runs by themselves. See them with: fanlake status --stack <name>',
    );
  }
  const given = (option: string): boolean => acting.getOptionValueSource(option) === 'cli';
  if (given('home'))
    throw new FanlakeError('usage', '--stack and --home exclude each other: a command acts on a stack, or on a folder of this machine.');
  if (given('workers'))
    throw new FanlakeError('usage', '--workers is for this machine: how many work at once on a stack is decided where it is deployed.');
}

/**
 * Runs the command that the arguments name.
 * @throws FanlakeError `usage` for arguments that are none, and whatever the command throws
 */
export async function perform(program: Command, args: readonly string[]): Promise<void> {
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    // help or the version was asked for
    if (thrown.exitCode === 0) return;
    // without a command commander has written the help to stderr
    if (thrown.code === 'commander.help') throw new FanlakeError('usage', 'No command was given.');
    throw usageError(program, thrown, args);
  }
}

/** Commander's finding in our words. */
function usageError(program: Command, error: CommanderError, args: readonly string[]): FanlakeError {
  const name = program.commands.map((command) => command.name()).find((known) => args.includes(known));
  const found = error.message.replace(/^error: /, '').replace(/\n\((Did you mean .*)\)$/s, '. $1');
  const sentence = `${found.charAt(0).toUpperCase()}${found.slice(1)}${/[.?]$/.test(found) ? '' : '.'}`;
  return new FanlakeError('usage', `${sentence} Look at: fanlake ${name === undefined ? '' : `${name} `}--help`);
}
