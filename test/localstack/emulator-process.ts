import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const supervisorPath = fileURLToPath(new URL('./supervisor.ts', import.meta.url));
const startLimitMs = 90_000;
const graceMs = 10_000;

/** A command that serves HTTP on a loopback port. */
export interface EmulatorCommand {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly environment: NodeJS.ProcessEnv;
  readonly endpoint: string;
  readonly healthPath: string;
  /** Gets what the command prints. */
  readonly logFile: string;
  /** Files in it are named by the process groups that the command has started. */
  readonly groupsFolder: string;
  /** What the command prints when it serves. */
  readonly readyLine: RegExp;
}

/** A port of 127.0.0.1 that nobody listens on: the one that is wanted, or any. */
export async function freePort(wanted = 0): Promise<number> {
  const server = createServer();
  server.listen(wanted, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new Error(`port ${wanted} of 127.0.0.1 can't be used (${(error as NodeJS.ErrnoException).code}): choose another one`);
  }
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('a free port has no number');
  return address.port;
}

/** Whether a health page answers. */
export async function isHealthy(endpoint: string, healthPath: string): Promise<boolean> {
  try {
    return (await fetch(new URL(healthPath, endpoint), { signal: AbortSignal.timeout(5000) })).ok;
  } catch {
    return false;
  }
}

async function lastWords(logFile: string): Promise<string> {
  const lines = (await readFile(logFile, 'utf8')).trim().split('\n');
  return lines.at(-1) ?? '';
}

/** Waits until the command itself says that it serves, and its page answers: a page alone might be someone else's. */
async function untilReady({ name, endpoint, healthPath, logFile, readyLine }: EmulatorCommand, child: ChildProcess): Promise<void> {
  const giveUpAt = Date.now() + startLimitMs;
  while (Date.now() < giveUpAt) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`${name} ended while it started: ${await lastWords(logFile)}`);
    if (readyLine.test(await readFile(logFile, 'utf8')) && (await isHealthy(endpoint, healthPath))) return;
    await sleep(50);
  }
  throw new Error(`${name} didn't answer at ${endpoint} within ${startLimitMs / 1000} s: its output is in ${logFile}`);
}

/**
 * Starts the command under a supervisor, which ends it with this process, however that ends. Returns when it is ready.
 * @returns ends it and waits until it has gone
 * @throws Error with one line why it didn't start
 */
export async function startEmulator(emulator: EmulatorCommand): Promise<() => Promise<void>> {
  const output = openSync(emulator.logFile, 'w');
  const child = spawn(process.execPath, [supervisorPath, emulator.groupsFolder, String(graceMs), ...emulator.command], {
    // A group of its own: Ctrl-C in a terminal reaches us, and we end it.
    detached: true,
    stdio: ['pipe', output, output],
    env: emulator.environment,
  });
  closeSync(output);
  const exited = once(child, 'exit');
  child.stdin?.on('error', () => {});
  const stop = async (): Promise<void> => {
    child.ref();
    child.stdin?.end();
    await exited;
  };
  // Neither the process nor its pipe keeps ours from ending.
  child.unref();
  try {
    await untilReady(emulator, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

/** The environment of an emulator: ours, with the Node that runs us first on PATH and nothing that would lead to a real account. */
export function emulatorEnvironment(temporaryFolder: string): NodeJS.ProcessEnv {
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_')));
  return {
    ...environment,
    PATH: `${join(process.execPath, '..')}:${process.env['PATH'] ?? ''}`,
    PYTHONUNBUFFERED: '1',
    TMPDIR: temporaryFolder,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_DEFAULT_REGION: 'us-east-1',
  };
}
