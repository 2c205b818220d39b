import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** What stands in for the command: the starter's own promises are tested, not the command's. */
const command = `
const [what, value]: readonly (string | undefined)[] = process.argv.slice(2);
if (what === 'node') console.log(process.versions.node);
if (what === 'end') process.exit(Number(value));
if (what === 'copy') process.stdin.pipe(process.stdout);
if (what === 'catch') process.on('SIGINT', () => process.exit(130));
if (what === 'catch' || what === 'hang') {
  console.log(process.pid);
  setInterval(() => {}, 1000);
}
`;

/** A Node on this machine's PATH that is older than 24, or null. */
function findOlderNode(): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const node = join(folder, 'node');
    if (folder === '' || !existsSync(node)) continue;
    if (Number.parseInt(execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }), 10) < 24) return node;
  }
  return null;
}

const olderNode = findOlderNode();
let folder: string;

/** A copy of the starter with the stand-in command, and the repository's packages when `withPackages`. */
function install(name: string, withPackages: boolean): string {
  const root = join(folder, name);
  mkdirSync(join(root, 'bin'), { recursive: true });
  mkdirSync(join(root, 'cli'));
  copyFileSync(join(repository, 'bin', 'fanlake.mjs'), join(root, 'bin', 'fanlake.mjs'));
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(root, 'cli', 'main.ts'), command);
  if (withPackages) symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
  return join(root, 'bin', 'fanlake.mjs');
}

function start(node: string, starter: string, ...args: readonly string[]): ChildProcess {
  return spawn(node, [starter, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
}

/** What the process wrote and how it ended. */
async function end(child: ChildProcess): Promise<{ out: string; err: string; code: number | null; signal: string | null }> {
  let out = '';
  let err = '';
  child.stdout?.on('data', (bytes) => (out += bytes));
  child.stderr?.on('data', (bytes) => (err += bytes));
  const [code, signal] = await once(child, 'close');
  return { out, err, code, signal };
}

/** The process id that the stand-in command prints when it is up. */
async function commandPid(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error('the starter has no output');
  const [bytes] = await once(child.stdout, 'data');
  return Number(String(bytes));
}

let starter: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'fanlake-starter-')));
  starter = install('with-packages', true);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('runs the command in the same process under Node 24', async () => {
  const child = start(process.execPath, starter, 'catch');
  expect(await commandPid(child)).toBe(child.pid);
  child.kill('SIGKILL');
});

describe('under an older Node', () => {
  let older: string;
  beforeEach((context) => {
    if (olderNode === null) return context.skip('no Node older than 24 on the PATH');
    older = olderNode;
  });

  it('starts the command under Node 24', async () => {
    const { out, code } = await end(start(older, starter, 'node'));
    expect({ major: Number.parseInt(out, 10), code }).toEqual({ major: 24, code: 0 });
  });

  it('ends with the exit code of the command', async () => {
    expect((await end(start(older, starter, 'end', '3'))).code).toBe(3);
  });

  it('passes standard input on', async () => {
    const child = start(older, starter, 'copy');
    child.stdin?.end('one\ntwo\n');
    expect((await end(child)).out).toBe('one\ntwo\n');
  });

  it('passes an interrupt on and ends with what the command makes of it', async () => {
    const child = start(older, starter, 'catch');
    await commandPid(child);
    child.kill('SIGINT');
    expect(await end(child)).toMatchObject({ code: 130, signal: null });
  });

  it('ends by the signal that ended the command', async () => {
    const child = start(older, starter, 'hang');
    await commandPid(child);
    child.kill('SIGTERM');
    expect(await end(child)).toMatchObject({ code: null, signal: 'SIGTERM' });
  });

  it('leaves no command running when it is killed itself', async () => {
    const child = start(older, starter, 'hang');
    await commandPid(child);
    child.kill('SIGKILL');
    // The command holds the other end of the output: 'close' comes when it is gone too.
    expect(await end(child)).toMatchObject({ signal: 'SIGKILL' });
  });

  it('ends with 2 and one line that says what to install where there is no Node 24', async () => {
    const { out, err, code } = await end(start(older, install('without-packages', false), 'node'));
    expect({ out, code }).toEqual({ out: '', code: 2 });
    expect(err).toMatch(/^fanlake: this is Node \d+\.\d+\.\d+ and fanlake needs Node 24 or newer: .*npm install node@24.*\n$/);
  });
});
