import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Receipt } from '../../functions/core/receipt.ts';
import { addedFiles, differingRows } from '../support/visible-rows.ts';
import { noProcesses, signal, workersOf } from './worker-processes.ts';

/** Rounds by default; FANLAKE_KILL_ROUNDS=200 for a soak. */
const rounds = Number(process.env['FANLAKE_KILL_ROUNDS'] ?? 8);
const starter = join(import.meta.dirname, '..', '..', 'bin', 'fanlake.mjs');
const rows = 40_000;

let folder: string;
let input: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fanlake-kill-'));
  input = join(folder, 'visits.csv');
  const lines = Array.from({ length: rows }, (_, i) => `${i},"visit ${i}, ${i % 7 === 0 ? 'with a\nnewline' : 'plain'}",${i % 13}`);
  writeFileSync(input, `id,what,shop\n${lines.join('\n')}\n`);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const command = (home: string) => [
  starter,
  'run',
  '--home',
  home,
  '--json',
  '--input',
  input,
  '--table',
  'visits',
  '--split-size',
  '64KiB',
  '--query',
  'SELECT * FROM input',
];

function start(home: string): ChildProcess {
  return spawn(process.execPath, command(home), { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
}

async function finish(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (text) => (stdout += String(text)));
  child.stderr?.on('data', (text) => (stderr += String(text)));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

/** The parts that exist, with what would change if one were written again. */
function parts(home: string): ReadonlyMap<string, string> {
  const root = join(home, 'work', 'runs');
  if (!existsSync(root)) return new Map();
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => /\/s0\/\d{4}\/\d{7}$/.test(name));
  return new Map(
    files.map((name) => {
      const { ino, mtimeMs } = statSync(join(root, name));
      return [name, `${ino} ${mtimeMs}`];
    }),
  );
}

const oracle =
  () => `SELECT * FROM read_csv('${input}', auto_detect = false, parallel = false, header = true, delim = ',', quote = '"', escape = '"',
  new_line = '\\n', columns = {id: 'BIGINT', what: 'VARCHAR', shop: 'BIGINT'})`;

async function expectWholeTable(home: string, receipt: Receipt): Promise<void> {
  expect(receipt.rows).toEqual({ read: rows, filtered: 0, quarantined: 0, passed: rows, written: rows });
  expect(await differingRows(await addedFiles(join(home, 'lake'), 'visits'), 'id, what, shop', oracle())).toBe(0);
}

describe('a run that is killed with SIGKILL at a random moment', () => {
  it.each(Array.from({ length: rounds }, (_, round) => round))(
    'is finished by the same command with every row once, and no finished part is computed again (round %d)',
    async (round) => {
      const home = join(folder, `home-${round}`);
      const delayMs = 300 + Math.random() * 3_000;
      const child = start(home);
      const ended = finish(child);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      const { pid } = child;
      if (pid !== undefined && child.exitCode === null) signal(-pid, 'SIGKILL');
      await ended;
      const before = parts(home);
      const again = await finish(start(home));
      expect(again.code, `killed after ${delayMs} ms: ${again.stderr}`).toBe(0);
      const after = parts(home);
      for (const [name, version] of before) expect([name, after.get(name)]).toEqual([name, version]);
      await expectWholeTable(home, JSON.parse(again.stdout) as Receipt);
    },
  );

  it('goes on without the command being repeated when only a worker is killed', async (context) => {
    if (noProcesses !== null) context.skip(noProcesses);
    const home = join(folder, 'home-worker');
    const child = start(home);
    const ended = finish(child);
    let killed = 0;
    while (child.exitCode === null && killed < 3) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      if (parts(home).size === 0) continue;
      const [worker] = workersOf(child.pid ?? -1);
      if (worker === undefined) continue;
      // it may have ended with its last task meanwhile
      if (signal(worker, 'SIGKILL')) killed += 1;
    }
    const { code, stdout, stderr } = await ended;
    expect(code, stderr).toBe(0);
    await expectWholeTable(home, JSON.parse(stdout) as Receipt);
  });
});
