import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { onLocalStack, until } from './deployment.ts';
import { isHealthy } from './emulator-process.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Where the `aws` command isn't on PATH. */
const path = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !existsSync(join(folder, 'aws')))
  .join(delimiter);
const { AWS_ENDPOINT_URL: _, AWS_ACCESS_KEY_ID: __, AWS_SECRET_ACCESS_KEY: ___, AWS_REGION: ____, ...environment } = process.env;

/** A command that was started in the repository's folder, with nothing of AWS in its environment. */
function start(command: string, ...args: readonly string[]) {
  const child = spawn(command, args, { cwd: root, env: { ...environment, PATH: path }, stdio: ['ignore', 'pipe', 'pipe'] });
  const shown = { text: '' };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (shown.text += data.toString()));
  const ended = once(child, 'close').then(([code]: readonly unknown[]) => code);
  return { child, shown, ended };
}

onLocalStack('npm run localstack', () => {
  let played: ReturnType<typeof start> | undefined;
  afterEach(() => played?.child.kill('SIGKILL'));

  it('deploys on a LocalStack of its own, names three commands that run as they stand there, shows what the functions do, and ends all on Ctrl-C', async () => {
    played = start(process.execPath, 'test/localstack/play.ts', '--stack', `Play${process.ppid}`);
    const { child, shown, ended } = played;
    await until('it is deployed', async () => shown.text.includes('until Ctrl-C:') || child.exitCode !== null, 400_000);
    const [, block = ''] = /In another terminal[^\n]*\n(.*?)\n\n/s.exec(shown.text) ?? [];
    const [source = shown.text, upload = '', status = '', query = ''] = block.split('\n').map((line) => line.trim());
    const type = async (command: string): Promise<string> => {
      const typed = start('bash', '-c', `${source} && ${command}`);
      expect(await typed.ended, typed.shown.text).toBe(0);
      return typed.shown.text;
    };
    await type(upload);
    await until('the run ends', async () => shown.text.includes('run ended: COMMITTED'));
    expect(shown.text).toMatch(/\d\d:\d\d:\d\d\.\d{3} {2}coordinator {3}upload planned {2}bird-strikes-[0-9a-f]{20} {2}key=/);
    expect(shown.text).toMatch(/ {2}worker {8}task done {2}bird-strikes-[0-9a-f]{20} task 0/);
    expect(await type(status)).toMatch(/bird-strikes-[0-9a-f]{20} +COMMITTED .* 10,000 /);
    expect(await type(query)).toMatch(/^1990 +463$.*^13 rows/ms);

    const [, endpoint = ''] = /AWS_ENDPOINT_URL=(\S+)/.exec(shown.text) ?? [];
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(shown.text).toContain(`Stopped: LocalStack at ${endpoint}`);
    expect(await isHealthy(endpoint, '/_localstack/health')).toBe(false);
  });
});
