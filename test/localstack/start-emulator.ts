/**
 * An emulator is installed and started while tests of other projects run: a project's global setup begins it and names a file, which has the answer when there
 * is one. The project's test files wait for that (emulator.ts).
 */
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestProject } from 'vitest/node';
import { emulatorStateFolder, missingEmulator, type ProvidedEmulator } from './provided-emulator.ts';

/** What became of a start: the emulator, or in CI why there is none. */
type EmulatorAnswer = { readonly emulator: ProvidedEmulator } | { readonly error: string };

declare module 'vitest' {
  interface ProvidedContext {
    /** The file that will have an EmulatorAnswer. */
    emulatorAnswer: string;
  }
}

/** An emulator that runs, but for its name. */
export interface Started {
  readonly provided: Pick<ProvidedEmulator, 'endpoint' | 'kind' | 'lambdaLogs'>;
  readonly stop: () => Promise<void>;
}

/**
 * Begins to start an emulator, and returns at once.
 * @param start gets an empty place for the emulator's state
 * @param untested what isn't tested without it
 * @returns ends it, also when it is still starting
 */
export function startInBackground(
  project: Pick<TestProject, 'provide'>,
  name: ProvidedEmulator['name'],
  start: (stateFolder: string) => Promise<Started>,
  untested: string,
): () => Promise<void> {
  const stateFolder = emulatorStateFolder(name);
  const answerFile = emulatorStateFolder(name);
  project.provide('emulatorAnswer', answerFile);
  const running = start(stateFolder).then(
    async ({ provided, stop }) => {
      await answer(answerFile, { emulator: { name, ...provided, missing: null } });
      return stop;
    },
    async (error: unknown) => {
      await answer(answerFile, withoutEmulator(name, error, untested));
      return async () => {};
    },
  );
  return async () => (await running)();
}

/**
 * Waits for the answer of a start.
 * @throws Error why there is no emulator, where that is a failure
 */
export async function awaitEmulator(answerFile: string): Promise<ProvidedEmulator> {
  while (!existsSync(answerFile)) await sleep(100);
  const answered = JSON.parse(await readFile(answerFile, 'utf8')) as EmulatorAnswer;
  if ('error' in answered) throw new Error(answered.error);
  return answered.emulator;
}

function withoutEmulator(name: ProvidedEmulator['name'], error: unknown, untested: string): EmulatorAnswer {
  try {
    return { emulator: missingEmulator(name, error, untested) };
  } catch (thrown) {
    return { error: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

/** Whole as soon as it is there. */
async function answer(file: string, text: EmulatorAnswer): Promise<void> {
  const unfinished = join(dirname(file), `new-${basename(file)}`);
  await writeFile(unfinished, JSON.stringify(text));
  await rename(unfinished, file);
}
