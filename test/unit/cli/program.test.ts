import { expect, it } from 'vitest';
import { createProgram, perform } from '../../../cli/program.ts';
import { silentShell } from './silent-shell.ts';

const performed = (...args: readonly string[]) =>
  perform(createProgram(silentShell).configureOutput({ writeOut: () => {}, writeErr: () => {} }), args);

it.each([
  [['stauts'], 'Did you mean status?'],
  [['run', '--inptu', 'x'], 'Did you mean --input?'],
  [['status', '--al'], 'Did you mean --all?'],
  [['query'], "missing required argument 'SQL'"],
  [['run', '--workers', '0', '--input', 'x'], 'whole number, 1 or more'],
  [['status', 'a', 'b'], 'too many arguments'],
  [[], 'No command was given'],
] as const)('arguments %j are a mistake that is named: %s', async (args, message) => {
  await expect(performed(...args)).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringMatching(new RegExp(message.replace(/[?]/g, '\\$&'), 'i')),
  });
});

it('help and version are no mistakes', async () => {
  for (const args of [['--help'], ['--version'], ['help', 'run'], ['run', '--help']]) await performed(...args);
});

it('each command has --json, --home and an example in its help', () => {
  for (const command of createProgram(silentShell).commands) {
    const options = command.options.map(({ long }) => long);
    expect(options, command.name()).toEqual(expect.arrayContaining(['--json', '--home', '--stack']));
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    expect(help, command.name()).toMatch(/Examples?:\n {2}fanlake /);
  }
});

it.each([
  ['a home', ['status', '--stack', 'prod', '--home', 'x'], /--stack and --home exclude each other/],
  ['worker processes', ['retry', 'x', '--stack', 'prod', '--workers', '2'], /--workers is for this machine/],
  ['watching', ['watch', '--stack', 'prod'], /uploads start runs by themselves/],
  ['a folder as table', ['run', '--query', 'SELECT 1', '--table', 'a/b', '--input', 'x', '--stack', 'prod'], /--table b$/],
] as const)('on a stack there is no such thing as %s', async (_what, args, message) => {
  const refused = performed(...args);
  await expect(refused).rejects.toMatchObject({ code: 'usage' });
  await expect(refused).rejects.toThrow(message);
});

it('a name that no stack can have is refused before anything is asked of AWS', async () => {
  await expect(performed('status', '--stack', 'my stack')).rejects.toMatchObject({ code: 'stack.unknown' });
});
