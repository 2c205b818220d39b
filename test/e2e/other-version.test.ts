import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fanlake } from './fanlake-command.ts';
import { WatchedFolder } from './watching.ts';
import { noProcesses } from './worker-processes.ts';

// A home whose runs were planned before Fanlake was replaced by a version with another format of plans.
let folder: WatchedFolder;
beforeEach(() => {
  folder = new WatchedFolder();
});
afterEach(() => folder.remove());

const at = (...args: readonly string[]) => fanlake(folder.path, ...args, '--home', 'home', '--json');

/** @returns the runs, now of another version */
function age(): readonly string[] {
  const runs = join(folder.home, 'work/runs');
  const planned = readdirSync(runs).filter((run) => existsSync(join(runs, run, 'e0/plan.json')));
  for (const run of planned) {
    const path = join(runs, run, 'e0/plan.json');
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), format: 99 }));
  }
  return planned;
}

async function loaded(): Promise<string> {
  writeFileSync(join(folder.path, 'a.csv'), 'id\n1\n');
  const { code, stdout } = await at('run', '--query', 'SELECT * FROM input', '--table', 'visits', '--input', 'a.csv');
  expect(code, stdout).toBe(0);
  return age()[0] ?? '';
}

it('its runs are listed, and what has ended is shown', async () => {
  const run = await loaded();
  const list = await at('status');
  expect(list.code, list.stderr).toBe(0);
  expect(JSON.parse(list.stdout)).toMatchObject({ runs: [{ run, outcome: 'COMMITTED' }] });
  const one = await at('status', run);
  expect(JSON.parse(one.stdout)).toMatchObject({ run, outcome: 'COMMITTED' });
});

it('a run that is not over can be cancelled', async () => {
  const run = await loaded();
  for (const part of ['_delta_log', `_fanlake/${run}`]) rmSync(join(folder.table, part), { recursive: true });
  const { code, stdout, stderr } = await at('cancel', run);
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ run, outcome: 'CANCELLED' });
});

it('watch ends what an earlier one has left with that, and loads what lands', async (context) => {
  if (noProcesses !== null) context.skip(noProcesses);
  const before = await folder.watch();
  await before.whileWorkersRest(async () => {
    folder.drop('old.csv', 'id\n1\n');
    await folder.untilPlanned(0);
    await before.kill();
  });
  age();
  const watch = await folder.watch();
  await watch.untilEnded('old.csv');
  folder.drop('new.csv', 'id\n2\n');
  await watch.untilEnded('new.csv');
  expect(watch.ended).toMatchObject([
    { key: 'landing/visits/old.csv', outcome: 'FAILED', error: { code: 'plan.version' } },
    { key: 'landing/visits/new.csv', outcome: 'COMMITTED' },
  ]);
  expect(await folder.ids()).toEqual([2]);
});
