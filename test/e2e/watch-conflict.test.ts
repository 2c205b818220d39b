import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blankReceipt, type Receipt } from '../../functions/core/receipt.ts';
import { deltaLog, sorted, tableRows } from './duckdb.ts';
import { fanlake } from './fanlake-command.ts';
import { WatchedFolder } from './watching.ts';
import { noProcesses } from './worker-processes.ts';

// Two processes that make the same new table with different types: nobody is there who would type the command of an upload again.
let folder: WatchedFolder;
beforeEach(() => {
  folder = new WatchedFolder();
});
afterEach(() => folder.remove());

const numbers = 'id,what\n1,10\n2,20\n';
const texts = 'id,what\n3,thirty\n';

/** A run of a command into the table that is watched. */
async function runInto(text: string): Promise<void> {
  writeFileSync(join(folder.path, 'other.csv'), text);
  const args = ['run', '--query', 'SELECT * FROM input', '--table', 'visits', '--input', 'other.csv', '--home', 'home', '--json'];
  const { code, stdout } = await fanlake(folder.path, ...args);
  expect(code, stdout).toBe(0);
}

/** How a run of which another process judged this epoch ends. */
function endInConflict(run: string, epoch: number): void {
  const ledger = join(folder.table, '_fanlake', run, `e${epoch}`);
  mkdirSync(ledger, { recursive: true });
  const error = { code: 'commit.conflict', message: `conflict ${epoch}`, details: {} } as const;
  const receipt: Receipt = { ...blankReceipt({ run, epoch }, folder.table), state: 'ended', outcome: 'FAILED', error };
  writeFileSync(join(ledger, 'outcome.json'), JSON.stringify(receipt));
}

describe('an upload that doesn’t fit the table which another process made meanwhile', () => {
  it('is planned again by itself, for the types that the table has', async (context) => {
    if (noProcesses !== null) context.skip(noProcesses);
    const watch = await folder.watch();
    await watch.whileWorkersRest(async () => {
      folder.drop('numbers.csv', numbers);
      await folder.untilPlanned(0);
      await runInto(texts);
    });
    await watch.untilEnded('numbers.csv');
    expect(watch.ended).toMatchObject([{ key: 'landing/visits/numbers.csv', outcome: 'COMMITTED', rows: 2, version: 1, error: null }]);
    const notices = watch.events.flatMap((event) => (event.event === 'notice' ? [event.message] : []));
    expect(notices).toEqual([expect.stringMatching(/numbers\.csv .*is planned again for the table as it is now.*'what' has another type/)]);
    expect(deltaLog(folder.table).columns).toEqual({ id: 'long', what: 'string' });
    const rows = [
      ['1', '10'],
      ['2', '20'],
      ['3', 'thirty'],
    ] as const;
    expect(sorted(await tableRows(folder.table))).toEqual(sorted(rows));
    // nothing of it is left to do
    folder.drop('more.csv', 'id,what\n4,40\n');
    await watch.untilEnded('more.csv');
    expect(await watch.interrupt()).toBe(130);
    expect(watch.events.at(-1)).toMatchObject({ event: 'summary', landed: 2, committed: 2, failed: 0, open: 0, rows: 3 });
    expect((await tableRows(folder.table)).length).toBe(4);
  });

  it('fails with the bad row when it doesn’t fit those types either', async (context) => {
    if (noProcesses !== null) context.skip(noProcesses);
    const watch = await folder.watch();
    await watch.whileWorkersRest(async () => {
      folder.drop('texts.csv', texts);
      await folder.untilPlanned(0);
      await runInto(numbers);
    });
    await watch.untilEnded('texts.csv');
    expect(watch.ended).toMatchObject([{ outcome: 'FAILED', rows: 0, version: null, error: { code: 'rows.bad' } }]);
    expect(sorted(await tableRows(folder.table))).toEqual(
      sorted([
        ['1', '10'],
        ['2', '20'],
      ]),
    );
  });

  it('is planned again by both of two watches, and is in the table once', async (context) => {
    if (noProcesses !== null) context.skip(noProcesses);
    const [one, other] = [await folder.watch(), await folder.watch()];
    await one.whileWorkersRest(() =>
      other.whileWorkersRest(async () => {
        folder.drop('numbers.csv', numbers);
        await Promise.all([one, other].map((watch) => watch.until(({ events }) => events.some(({ event }) => event === 'landed'))));
        await folder.untilPlanned(0);
        await runInto(texts);
      }),
    );
    await Promise.all([one.untilEnded('numbers.csv'), other.untilEnded('numbers.csv')]);
    for (const watch of [one, other]) expect(watch.ended).toMatchObject([{ outcome: 'COMMITTED', rows: 2 }]);
    expect((await tableRows(folder.table)).length).toBe(3);
  });

  it('is gone on with by the next watch, when this one is killed behind its new plan', async (context) => {
    if (noProcesses !== null) context.skip(noProcesses);
    const first = await folder.watch();
    await first.whileWorkersRest(async () => {
      folder.drop('numbers.csv', numbers);
      await folder.untilPlanned(0);
      const [landed] = first.events.filter((event) => event.event === 'landed');
      endInConflict(landed?.run ?? '', 0);
      await folder.untilPlanned(1);
      await first.kill();
    });
    const second = await folder.watch();
    await second.untilEnded('numbers.csv');
    expect(second.events).toContainEqual(expect.objectContaining({ event: 'resumed', key: 'landing/visits/numbers.csv' }));
    expect(second.ended).toMatchObject([{ outcome: 'COMMITTED', rows: 2 }]);
    expect((await tableRows(folder.table)).length).toBe(2);
  });

  it('is given up after a few times, when the table changes each time', async (context) => {
    if (noProcesses !== null) context.skip(noProcesses);
    const watch = await folder.watch();
    await watch.whileWorkersRest(async () => {
      folder.drop('numbers.csv', numbers);
      for (let epoch = 0; epoch < 4; epoch++) {
        await folder.untilPlanned(epoch);
        const [landed] = watch.events.filter((event) => event.event === 'landed');
        endInConflict(landed?.run ?? '', epoch);
      }
      await watch.untilEnded('numbers.csv');
    });
    expect(watch.events.filter(({ event }) => event === 'notice').length).toBe(3);
    expect(watch.ended).toMatchObject([{ outcome: 'FAILED', rows: 0, error: { code: 'commit.conflict', message: 'conflict 3' } }]);
    expect(await watch.interrupt()).toBe(130);
    expect(watch.events.at(-1)).toMatchObject({ event: 'summary', landed: 1, failed: 1, open: 0 });
  });
});
