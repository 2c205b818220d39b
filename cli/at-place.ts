import { FanlakeError } from '../functions/core/errors.ts';
import { type Home, openHome } from './local/home.ts';
import { withStack } from './render/with-stack.ts';
import type { Shell } from './shell.ts';
import type { Stack } from './stack/stack.ts';

/** Where a command is to act. */
export interface PlaceOptions {
  readonly home: string;
  readonly stack?: string;
}

/**
 * Does a command's work where its options say, on this machine or on a stack.
 * @throws FanlakeError whatever `work` throws; `stack.*`
 */
export function atPlace(
  shell: Shell,
  { home, stack }: PlaceOptions,
  work: (place: Home | Stack, shell: Shell) => Promise<void>,
): Promise<void> {
  return stack === undefined ? inHome(home, (opened) => work(opened, shell)) : onStack(shell, stack, work);
}

async function inHome(folder: string, work: (home: Home) => Promise<void>): Promise<void> {
  await work(openHome(folder));
}

/**
 * Does a command's work on a deployed stack. What it says of commands to type is for that stack.
 * @throws FanlakeError whatever `work` throws; `stack.*`
 */
export async function onStack(shell: Shell, name: string, work: (stack: Stack, shell: Shell) => Promise<void>): Promise<void> {
  const speaking: Shell = {
    ...shell,
    note: (text) => shell.note(withStack(text, name)),
    answer: (answer, json) => shell.answer({ ...answer, text: withStack(answer.text, name) }, json),
  };
  try {
    // loads the AWS SDK: only for commands that need it
    const { openStack } = await import('./stack/stack.ts');
    await work(await openStack(name), speaking);
  } catch (thrown) {
    if (!(thrown instanceof FanlakeError)) throw thrown;
    throw new FanlakeError(thrown.code, withStack(thrown.message, name), thrown.details, thrown);
  }
}
