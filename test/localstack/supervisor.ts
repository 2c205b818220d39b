/**
 * `node supervisor.ts <folder of process groups> <grace ms> <command> <arguments...>`: runs the command for as long as standard input is open, so that it
 * ends with whoever started it, also when that was killed. Ends it by SIGTERM, and when that doesn't help by SIGKILL; then it ends every process
 * group whose id is the name of a file in the folder: what an emulator starts must not survive it.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';

const [, , groupsFolder = '', graceMs = '', command = '', ...args] = process.argv;
const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function killGroups(): void {
  for (const name of namesIn(groupsFolder)) {
    try {
      process.kill(-Number(name), 'SIGKILL');
    } catch {
      // gone by itself
    }
  }
}

let ending = false;

function end(): void {
  if (ending) return;
  ending = true;
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), Number(graceMs));
}

process.stdin.on('end', end).on('error', end).resume();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
child.on('error', (error) => {
  console.error(error.message);
  process.exit(127);
});
child.on('exit', (code) => {
  killGroups();
  process.exit(code ?? 1);
});
