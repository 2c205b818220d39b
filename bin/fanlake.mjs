#!/usr/bin/env node
// Plain JavaScript that Node 20 can run: the command itself needs Node 24, so under an older Node it starts itself again under the Node 24
// that the npm package `node` brings.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import nodeModule, { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const neededMajor = 24;
const starterVariable = 'FANLAKE_STARTER_PID';

if (majorOf(process.versions.node) >= neededMajor) {
  endWithStarter();
  // types are stripped and modules compiled once, not at every start: a third of a small command's time; inherited by the workers
  nodeModule.enableCompileCache();
  const cacheFolder = nodeModule.getCompileCacheDir();
  if (cacheFolder !== undefined) process.env['NODE_COMPILE_CACHE'] ??= cacheFolder;
  // The repository runs its sources; a package in node_modules can't (Node strips no types there), so it ships built JavaScript.
  const isSource = existsSync(new URL('../cli/main.ts', import.meta.url));
  const load = (name) => import(new URL(isSource ? `../cli/${name}.ts` : `../dist/cli/${name}.js`, import.meta.url).href);
  const args = process.argv.slice(2);
  const isElsewhere = args.some((arg) => arg === '--help' || arg === '-h' || arg.startsWith('--stack'));
  if (args[0] === 'run' && !isElsewhere) (await load('local/first-worker')).startFirstWorker();
  await load('main');
} else {
  const node = findNode();
  if (node === null) {
    console.error(
      `fanlake: this is Node ${process.versions.node} and fanlake needs Node ${neededMajor} or newer: install it, or run "npm install node@${neededMajor}" here.`,
    );
    process.exitCode = 2;
  } else {
    startUnder(node);
  }
}

/** The major number of a version such as '20.11.1'. */
function majorOf(version) {
  return Number.parseInt(version, 10);
}

/** The path of the executable of the npm package `node`, or null when it isn't installed, is too old, or its install script didn't run. */
function findNode() {
  try {
    const manifestPath = createRequire(import.meta.url).resolve('node/package.json');
    const manifest = JSON.parse(readFileSync(manifestPath, 'utf8'));
    const executable = join(dirname(manifestPath), manifest.bin.node);
    return majorOf(manifest.version) >= neededMajor && existsSync(executable) ? executable : null;
  } catch {
    return null;
  }
}

/** Runs this command under `node` with the same arguments and streams, and ends the way it ends. */
function startUnder(node) {
  const child = spawn(node, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [starterVariable]: String(process.pid) },
  });
  const onTerminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the child too: passed on, it would count as pressed twice.
      if (signal !== 'SIGINT' || !onTerminal) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    console.error(`fanlake: starting ${node} failed (${error.message}): run "npm ci" again, or use Node ${neededMajor} or newer.`);
    process.exitCode = 2;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // Only reached when the signal is ignored here: a shell's number for the same end.
    setTimeout(() => process.exit(128 + constants.signals[signal]), 100);
  });
}

/** When an older Node started this process and is killed, this process ends too: nothing runs on unseen. */
function endWithStarter() {
  const startedHere = process.env[starterVariable] === String(process.ppid);
  delete process.env[starterVariable];
  if (!startedHere || process.channel === undefined) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.channel.unref();
}
