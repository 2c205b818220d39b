import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LocalStack } from './server.ts';

/** What the tests of a project run against: `emulator` of emulator.ts. */
export interface ProvidedEmulator {
  readonly name: 'LocalStack' | 'MiniStack';
  /** Empty when there is none. */
  readonly endpoint: string;
  /** See LocalStack; null when there is none, or it is a MiniStack. */
  readonly kind: LocalStack['kind'] | null;
  readonly lambdaLogs: string | null;
  /** Why there is none. */
  readonly missing: string | null;
}

/**
 * An empty place for the state of an emulator that this process starts: neither two test runs at once share it, nor two projects of one. What runs left behind
 * that have ended is deleted here and not by them, so that one can still look into the logs of the last.
 */
export function emulatorStateFolder(name: ProvidedEmulator['name']): string {
  const folder = fileURLToPath(new URL('../../node_modules/.cache/fanlake/emulators/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  for (const left of readdirSync(folder)) {
    if (!isAlive(Number(left.split('-').at(-1)))) rmSync(join(folder, left), { recursive: true, force: true });
  }
  return join(folder, `${name.toLowerCase()}-${randomBytes(4).toString('hex')}-${process.pid}`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** With it CI passes where emulators can't be had, and says what was not tested. */
const optOut = 'FANLAKE_TEST_WITHOUT_EMULATORS';

/**
 * What is provided when the emulator can't be had; says so in one line.
 * @throws Error where CI is set: nobody reads there that nothing was tested
 */
export function missingEmulator(name: ProvidedEmulator['name'], error: unknown, untested: string): ProvidedEmulator {
  const reason = `${name} can't be had (${error instanceof Error ? error.message : String(error)})`;
  if (isSet('CI') && !isSet(optOut)) {
    throw new Error(`${reason}, so these would not be tested: ${untested}. Where that is meant, set ${optOut}=1`);
  }
  console.warn(`${reason}; not tested: ${untested}`);
  return { name, endpoint: '', kind: null, lambdaLogs: null, missing: reason };
}

const isSet = (name: string): boolean => !['', '0', 'false', undefined].includes(process.env[name]);
