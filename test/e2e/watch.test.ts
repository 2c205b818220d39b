import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deltaLog, tableRows } from './duckdb.ts';
import { fanlake } from './fanlake-command.ts';
import { WatchedFolder, type WatchProcess } from './watching.ts';
import { noProcesses } from './worker-processes.ts';

let folder: WatchedFolder;

beforeEach(() => {
  folder = new WatchedFolder();
});

afterEach(() => folder.remove());

/** A file of some rows with ids of its own, after a header. */
const csv = (...ids: readonly number[]): string => `id,what\n${ids.map((id) => `${id},"visit ${id}, ok"\n`).join('')}`;

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Has a file `grows.csv` of two rows land, and its run cancelled. @returns the run */
async function cancelled(watch: WatchProcess): Promise<string> {
  await watch.whileWorkersRest(async () => {
    folder.drop('grows.csv', csv(1, 2));
    await folder.untilPlanned(0);
    const { code, stdout } = await fanlake(folder.path, 'cancel', 'visits', '--home', 'home');
    expect(code, stdout).toBe(0);
  });
  await watch.untilEnded('grows.csv');
  const end = watch.endOf('grows.csv');
  expect(end?.outcome).toBe('CANCELLED');
  return end?.run ?? '';
}

describe('fanlake watch, files that land', () => {
  it('loads a file that was renamed into place, one that was written in place, and one in a new folder', async () => {
    const watch = await folder.watch();
    folder.drop('renamed.csv', csv(1, 2));
    folder.write('written.csv', csv(3, 4));
    folder.write('2024/01/new.csv', csv(5));
    await watch.untilEnded('renamed.csv', 'written.csv', '2024/01/new.csv');
    expect(watch.ended.map(({ outcome }) => outcome)).toEqual(['COMMITTED', 'COMMITTED', 'COMMITTED']);
    expect(await folder.ids()).toEqual([1, 2, 3, 4, 5]);
    expect(await watch.interrupt()).toBe(130);
    expect(watch.events.at(-1)).toMatchObject({ event: 'summary', landed: 3, committed: 3, failed: 0, open: 0, rows: 5 });
  });

  it('finds what landed while none ran, and loads nothing a second time', async () => {
    folder.write('before.csv', csv(1));
    const first = await folder.watch();
    await first.untilEnded('before.csv');
    await first.interrupt();
    folder.write('between.csv', csv(2));
    const second = await folder.watch();
    await second.untilEnded('between.csv');
    await second.interrupt();
    expect(second.events.at(-1)).toMatchObject({ landed: 1, committed: 1, knownBefore: 1 });
    expect(await folder.ids()).toEqual([1, 2]);
  });

  it('tells of an upload that was killed in the middle of its commit and whose plan is gone, and loads it no second time', async () => {
    folder.write('before.csv', csv(1, 2));
    const first = await folder.watch();
    await first.untilEnded('before.csv');
    await first.interrupt();
    const [run = ''] = first.ended.map((event) => event.run);
    // as it is between the log's entry and the outcome
    rmSync(join(folder.table, '_fanlake', run, 'e0/outcome.json'));
    rmSync(join(folder.home, 'work'), { recursive: true });
    const second = await folder.watch();
    folder.drop('after.csv', csv(3));
    await second.untilEnded('after.csv');
    await second.until(() => second.events.some((event) => event.event === 'notice' && String(event['message']).includes(run)));
    expect(await folder.ids()).toEqual([1, 2, 3]);
  });

  it('never takes a file in part that is still being copied', async () => {
    const watch = await folder.watch();
    for (let attempt = 0; ; attempt++) {
      const name = `copied-${attempt}.csv`;
      const longestPauseMs = await writeSlowly(join(folder.landing, name), csv(...range(25).map((id) => id + attempt * 25)));
      await watch.untilEnded(name);
      // a machine that was too busy to go on writing made the file stand still: that proves nothing
      if (longestPauseMs > 250 && attempt < 5) continue;
      const runs = watch.ended.filter(({ key }) => key === `landing/visits/${name}`);
      expect(runs.map(({ outcome, rows }) => [outcome, rows])).toEqual([['COMMITTED', 25]]);
      return;
    }
  });

  it('leaves names alone that are being written, and tells of files that the job excludes', async () => {
    await folder.remove();
    folder = new WatchedFolder(`import { defineJob } from 'fanlake';
      export default defineJob({ name: 'visits', input: { prefix: 'landing/visits/', format: 'csv', exclude: ['*.bak.csv'] }, table: { name: 'visits' } });`);
    for (const name of ['.hidden.csv', 'a.csv.tmp', 'a.csv.part', 'a.csv~', '.folder/b.csv', '_delta_log/00000000000000000000.json'])
      folder.write(name, csv(1));
    folder.write('old.bak.csv', csv(2));
    folder.write('good.csv', csv(3));
    const watch = await folder.watch();
    await watch.untilEnded('good.csv');
    await watch.until(({ events }) => events.some(({ event }) => event === 'ignored'));
    expect(watch.events.flatMap((event) => (event.event === 'landed' || event.event === 'ignored' ? [event.key] : [])).sort()).toEqual([
      'landing/visits/good.csv',
      'landing/visits/old.bak.csv',
    ]);
    expect(await folder.ids()).toEqual([3]);
  });

  it('holds a file that is a committed one grown longer, also when it grew while none ran', async () => {
    const first = await folder.watch();
    folder.drop('grows.csv', csv(1, 2));
    await first.untilEnded('grows.csv');
    folder.write('grows.csv', csv(1, 2, 3));
    await first.until(({ events }) => events.some(({ event }) => event === 'held'));
    await first.interrupt();
    folder.write('grows.csv', csv(1, 2, 3, 4));
    const second = await folder.watch();
    await second.until(({ events }) => events.some((event) => event.event === 'held' && event.key === 'landing/visits/grows.csv'));
    expect(await folder.ids()).toEqual([1, 2]);
  });

  it('holds it too where its run was cancelled first, and committed by a retry', async (context) => {
    if (noProcesses !== null) context.skip(noProcesses);
    const first = await folder.watch();
    await cancelled(first);
    await first.interrupt();
    const { code, stdout } = await fanlake(folder.path, 'retry', 'visits', '--home', 'home');
    expect(code, stdout).toBe(0);
    const second = await folder.watch();
    folder.write('grows.csv', csv(1, 2, 3));
    folder.drop('other.csv', csv(4));
    await second.untilEnded('other.csv');
    await second.until(({ events }) => events.some((event) => 'key' in event && event.key?.endsWith('grows.csv') === true));
    expect(second.events.find((event) => 'key' in event && event.key?.endsWith('grows.csv') === true)?.event).toBe('held');
    expect(await folder.ids()).toEqual([1, 2, 4]);
  });

  it('holds it while another command loads what it was', async (context) => {
    if (noProcesses !== null) context.skip(noProcesses);
    const watch = await folder.watch();
    const run = await cancelled(watch);
    // as a retry leaves it that has just begun
    const plan = (epoch: number) => join(folder.home, `work/runs/${run}/e${epoch}/plan.json`);
    mkdirSync(dirname(plan(1)));
    writeFileSync(plan(1), JSON.stringify({ ...JSON.parse(readFileSync(plan(0), 'utf8')), epoch: 1 }));
    folder.write('grows.csv', csv(1, 2, 3));
    const about = ({ events }: typeof watch) => events.filter((event) => 'key' in event && event.key?.endsWith('grows.csv') === true);
    await watch.until((now) => about(now).some(({ event }) => event === 'held'));
    expect(about(watch).at(-1)).toMatchObject({ event: 'held', reason: expect.stringContaining(`(run ${run})`) });
    // what it was is gone, so that one fails
    expect(await fanlake(folder.path, 'retry', 'visits', '--home', 'home')).toMatchObject({ code: 1 });
    folder.write('grows.csv', csv(1, 2, 3, 4));
    await watch.until(({ ended }) => ended.at(-1)?.outcome === 'COMMITTED');
    expect(await folder.ids()).toEqual([1, 2, 3, 4]);
  });

  it('loads both versions of a file that was replaced by another', async () => {
    const watch = await folder.watch();
    folder.drop('daily.csv', csv(10, 11, 12));
    await watch.untilEnded('daily.csv');
    folder.drop('daily.csv', csv(20));
    await watch.until(({ ended }) => ended.length === 2);
    expect(await folder.ids()).toEqual([10, 11, 12, 20]);
  });

  it('ends the run of a file that was deleted or replaced before it was read', async () => {
    folder.write('first.csv', csv(0));
    const watch = await folder.watch();
    await watch.untilEnded('first.csv');
    const names = range(30).map((index) => `gone-${index}.csv`);
    for (const [index, name] of names.entries()) folder.drop(name, csv(index + 1));
    await watch.until(({ events }) => events.filter(({ event }) => event === 'landed').length > 5);
    for (const name of names.slice(10)) rmSync(join(folder.landing, name), { force: true });
    folder.drop('last.csv', csv(99));
    await watch.untilEnded('last.csv');
    const landed = () => watch.events.filter(({ event }) => event === 'landed').length;
    await watch.until(({ ended }) => ended.length === landed());
    const failed = watch.ended.filter(({ outcome }) => outcome !== 'COMMITTED');
    for (const { outcome, error } of failed) expect([outcome, error?.code]).toEqual(['FAILED', 'input.gone']);
    expect((await folder.ids()).length).toBe(watch.ended.length - failed.length);
  });

  it('fails a file that is no CSV with the reason, and goes on', async () => {
    const watch = await folder.watch();
    folder.drop('good.csv', csv(1));
    await watch.untilEnded('good.csv');
    folder.drop('bad.csv', 'id,what\n2,"never closed\n');
    folder.drop('also-good.csv', csv(3));
    await watch.untilEnded('bad.csv', 'also-good.csv');
    expect(watch.endOf('bad.csv')).toMatchObject({ outcome: 'FAILED', rows: 0, version: null });
    expect(watch.endOf('bad.csv')?.error?.code).toMatch(/^(?:input|rows)\./);
    expect(await folder.ids()).toEqual([1, 3]);
  });

  it('lets the first upload decide the types of a new table, and never fails another for a race', async () => {
    folder.write('a.csv', 'id,what\n1,10\n');
    for (const name of ['b', 'c', 'd']) folder.write(`${name}.csv`, `id,what\n2,text ${name}\n`);
    const watch = await folder.watch();
    await watch.untilEnded('a.csv', 'b.csv', 'c.csv', 'd.csv');
    expect(watch.endOf('a.csv')?.outcome).toBe('COMMITTED');
    expect(['b', 'c', 'd'].map((name) => watch.endOf(`${name}.csv`)?.error?.code)).toEqual(['rows.bad', 'rows.bad', 'rows.bad']);
    expect(await tableRows(folder.table)).toEqual([['1', '10']]);
  });
});

describe('fanlake watch, many files and many processes', () => {
  it('makes 200 files that are dropped at once 200 runs in fewer commits, and loses none', async () => {
    const watch = await folder.watch();
    folder.drop('first.csv', csv(-1));
    await watch.untilEnded('first.csv');
    const startedMs = performance.now();
    for (const index of range(200)) folder.drop(`visit-${index}.csv`, csv(index));
    await watch.until(({ ended }) => ended.length === 201);
    const seconds = (performance.now() - startedMs) / 1000;
    expect(watch.ended.filter(({ outcome }) => outcome !== 'COMMITTED')).toEqual([]);
    expect(await folder.ids()).toEqual([-1, ...range(200)]);
    const { versions, adds } = deltaLog(folder.table);
    expect(adds.length).toBe(201);
    expect(versions.length).toBeLessThan(201);
    console.log(`200 files at once: ${seconds.toFixed(1)} s, ${versions.length - 1} commits`);
  });

  it('goes on after it was killed with all its workers, so that each file is in the table once', async () => {
    const first = folder.start();
    for (const index of range(60)) folder.write(`visit-${index}.csv`, csv(index));
    await first.until(({ ended }) => ended.length >= 5);
    await first.kill();
    const second = await folder.watch();
    folder.drop('last.csv', csv(60));
    await untilIds(folder, 61);
    // a row is in the table a moment before its run has its outcome
    await second.until(
      ({ events, ended }) => ended.length === events.filter(({ event }) => event === 'landed' || event === 'resumed').length,
    );
    await second.interrupt();
    expect(second.events.at(-1)).toMatchObject({ event: 'summary', failed: 0, open: 0 });
    expect(await folder.ids()).toEqual(range(61));
  });

  it('goes on by itself when the work folder vanishes under it, with each file in the table once', async (context) => {
    if (noProcesses !== null) context.skip(noProcesses);
    const watch = await folder.watch();
    folder.drop('first.csv', csv(0));
    await watch.untilEnded('first.csv');
    await watch.whileWorkersRest(async () => {
      for (const index of range(5)) folder.drop(`lost-${index}.csv`, csv(index + 1));
      await folder.untilPlanned(0, 6);
      renameSync(join(folder.home, 'work'), join(folder.path, 'gone'));
    });
    folder.drop('last.csv', csv(6));
    await watch.untilEnded('last.csv', ...range(5).map((index) => `lost-${index}.csv`));
    expect(watch.ended.filter(({ outcome }) => outcome !== 'COMMITTED')).toEqual([]);
    expect(await folder.ids()).toEqual(range(7));
    await watch.interrupt();
    expect(watch.events.at(-1)).toMatchObject({ event: 'summary', landed: 7, committed: 7, open: 0, rows: 7 });
  });

  it('is safe beside another one on the same home: each file is in the table once', async () => {
    const [one, other] = await Promise.all([folder.watch(), folder.watch()]);
    for (const index of range(40)) folder.drop(`visit-${index}.csv`, csv(index));
    const names = range(40).map((index) => `visit-${index}.csv`);
    await Promise.all([one.untilEnded(...names), other.untilEnded(...names)]);
    for (const watch of [one, other]) expect(watch.ended.filter(({ outcome }) => outcome !== 'COMMITTED')).toEqual([]);
    expect(await folder.ids()).toEqual(range(40));
  });

  it('tells how long a small file takes from its landing to the table', async () => {
    const watch = await folder.watch();
    folder.drop('first.csv', csv(-1));
    await watch.untilEnded('first.csv');
    const measure = async (place: (name: string, text: string) => void, label: string): Promise<number> => {
      const taken: number[] = [];
      for (const index of range(10)) {
        const startedMs = performance.now();
        place(`${label}-${index}.csv`, csv(index));
        await watch.untilEnded(`${label}-${index}.csv`);
        taken.push(performance.now() - startedMs);
      }
      return median(taken);
    };
    const renamed = await measure((name, text) => folder.drop(name, text), 'renamed');
    const written = await measure((name, text) => folder.write(name, text), 'written');
    console.log(
      `from landing to the table, median of 10: ${renamed.toFixed(0)} ms renamed into place, ${written.toFixed(0)} ms written in place`,
    );
    expect((await folder.ids()).length).toBe(21);
  });
});

describe('fanlake watch, jobs that can not be watched', () => {
  const job = (name: string, prefix: string) =>
    `defineJob({ name: '${name}', input: { ${prefix === '' ? '' : `prefix: '${prefix}',`} format: 'csv' }, table: { name: '${name}' } })`;

  const refusal = async (jobs: string): Promise<{ code: number | null; stderr: string }> => {
    await folder.remove();
    folder = new WatchedFolder(`import { defineJob } from 'fanlake';\nexport default [${jobs}];`);
    const watch = folder.start();
    return { code: await watch.exit(), stderr: `${watch.stderr}${JSON.stringify(watch.events)}` };
  };

  it('refuses two jobs whose prefixes overlap, naming both', async () => {
    const { code, stderr } = await refusal(`${job('a', 'landing/x/')}, ${job('b', 'landing/x/y/')}`);
    expect(code).toBe(2);
    expect(stderr).toContain("'a' and 'b'");
  });

  it('refuses to watch nothing', async () => {
    const { code, stderr } = await refusal(job('a', ''));
    expect(code).toBe(2);
    expect(stderr).toContain('input.prefix');
  });
});

/** Writes line by line. @returns the longest pause between two writes, in milliseconds */
async function writeSlowly(path: string, text: string): Promise<number> {
  const file = openSync(path, 'wx');
  let longestMs = 0;
  let lastMs = performance.now();
  for (const line of text.split(/(?<=\n)/)) {
    writeSync(file, line);
    longestMs = Math.max(longestMs, performance.now() - lastMs);
    lastMs = performance.now();
    await sleep(100);
  }
  closeSync(file);
  return longestMs;
}

async function untilIds(watched: WatchedFolder, count: number): Promise<void> {
  while ((await watched.ids()).length < count) await sleep(50);
}
