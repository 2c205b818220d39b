import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Why the worker processes of a command can't be found here, or null. */
export const noProcesses: string | null = existsSync('/proc/self/stat') ? null : 'workers are found in /proc, which this machine lacks';

/** The processes that a command has started. */
export function workersOf(pid: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => {
      try {
        const stat = readFileSync(`/proc/${candidate}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]) === pid;
      } catch {
        return false;
      }
    });
}

/** Sends a signal to a process, or with a negative number to a group; false when it has ended meanwhile. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH') return false;
    throw thrown;
  }
}
