import { existsSync, mkdtempSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Receipt } from '../../functions/core/receipt.ts';
import { addedFiles, differingRows } from '../support/visible-rows.ts';
import { deltaLog, sqlText } from './duckdb.ts';
import { type Ended, FanlakeCommand, fanlake } from './fanlake-command.ts';

// What the same command does when the world has changed behind a run that isn't over: its job, its table, its work folder.
const rows = 100_000;
let folder: string;
let table: string;
let work: string;
const running: FanlakeCommand[] = [];

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'fanlake-going-on-')));
  table = join(folder, '.fanlake/lake/numbers');
  work = join(folder, '.fanlake/work');
  writeFileSync(join(folder, 'numbers.csv'), `id,n\n${Array.from({ length: rows }, (_, id) => `${id},${id * 7}\n`).join('')}`);
});
afterEach(async () => {
  for (const command of running.splice(0)) await command.killAll();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

function declare(query: string, limits = '{}'): void {
  writeFileSync(
    join(folder, 'job.ts'),
    `import { defineJob } from 'fanlake';
    export default defineJob({ name: 'numbers', input: { format: 'csv' }, query: ${JSON.stringify(query)}, table: { name: 'numbers' }, limits: ${limits} });`,
  );
}

const args = ['run', './job.ts', '--input', 'numbers.csv', '--split-size', '16KiB', '--json'];
const run = (): Promise<Ended> => fanlake(folder, ...args);

function start(): FanlakeCommand {
  const command = new FanlakeCommand(folder, args, {}, true);
  running.push(command);
  return command;
}

/** Parts that some run has by now. */
const parts = (): number =>
  existsSync(work) ? readdirSync(work, { recursive: true, encoding: 'utf8' }).filter((name) => /\/s0\/\d{4}\/\d{7}$/.test(name)).length : 0;

/** Begins the run, and answers when some of its tasks are done and others aren't. */
async function begin(): Promise<FanlakeCommand> {
  const command = start();
  await command.says(' tasks, ');
  while (parts() === 0) await sleep(5);
  return command;
}

const numbers = (): string =>
  `read_csv(${sqlText(join(folder, 'numbers.csv'))}, auto_detect = false, parallel = false, header = true, delim = ',', columns = {id: 'BIGINT', n: 'BIGINT'})`;

/** The table has exactly the rows that this query gives. */
async function expectRows(query: string): Promise<void> {
  expect(await differingRows(await addedFiles(join(folder, '.fanlake/lake'), 'numbers'), 'id, n', query)).toBe(0);
}

const answer = ({ stdout }: Ended) => JSON.parse(stdout) as Receipt;

describe('a run that was killed, whose job was changed', () => {
  it('is refused, and finished when the change is undone', async () => {
    declare('SELECT * FROM input');
    await (await begin()).killAll();
    declare('SELECT id, n + 1 AS n FROM input');
    for (const refused of [await run(), await run()]) {
      expect(refused.code, refused.stdout).toBe(2);
      expect(JSON.parse(refused.stdout)).toMatchObject({
        error: {
          code: 'job.invalid',
          message: expect.stringMatching(/another declaration of job 'numbers'.*Undo the change.*fanlake cancel.*--again/),
        },
      });
    }
    expect(deltaLog(table).versions).toEqual([]);
    declare('SELECT * FROM input');
    const ended = await run();
    expect(ended.code, ended.stdout).toBe(0);
    expect(answer(ended)).toMatchObject({ outcome: 'COMMITTED', epoch: 0 });
    await expectRows(`SELECT * FROM ${numbers()}`);
  });

  it('goes on when only its limits were changed', async () => {
    declare('SELECT * FROM input');
    await (await begin()).killAll();
    declare('SELECT * FROM input', '{ maxBadRows: 5, deadlineMinutes: 60 }');
    expect(answer(await run())).toMatchObject({ outcome: 'COMMITTED', epoch: 0, rows: { written: rows } });
  });

  it('can be cancelled and loaded anew as the changed job says', async () => {
    declare('SELECT * FROM input');
    await (await begin()).killAll();
    declare('SELECT id, n + 1 AS n FROM input');
    expect((await fanlake(folder, 'cancel', 'numbers')).code).toBe(0);
    expect(answer(await fanlake(folder, ...args, '--again'))).toMatchObject({ outcome: 'COMMITTED' });
    await expectRows(`SELECT id, n + 1 AS n FROM ${numbers()}`);
  });
});

it('a run whose new table another run made with other types is FAILED with commit.conflict, and the same command plans it anew', async () => {
  declare('SELECT * FROM input');
  await (await begin()).killAll();
  writeFileSync(join(folder, 'other.csv'), 'id,n\n1,text\n');
  const other = ['run', '--query', 'SELECT * FROM input', '--table', 'numbers', '--input', 'other.csv', '--json'];
  expect((await fanlake(folder, ...other)).code).toBe(0);

  const conflict = await run();
  expect(conflict.code, conflict.stdout).toBe(1);
  expect(answer(conflict)).toMatchObject({
    outcome: 'FAILED',
    epoch: 0,
    rows: { written: 0 },
    error: { code: 'commit.conflict', message: expect.stringMatching(/'n' has another type.*run .*again/) },
  });
  expect(deltaLog(table).versions).toEqual([0]);

  const ended = await run();
  expect(ended.code, ended.stdout).toBe(0);
  expect(answer(ended)).toMatchObject({ outcome: 'COMMITTED', epoch: 1, rows: { written: rows } });
  // the numbers are texts now, as the table has them
  expect(deltaLog(table).columns).toEqual({ id: 'long', n: 'string' });
  await expectRows(`SELECT id, n::VARCHAR AS n FROM ${numbers()} UNION ALL SELECT 1, 'text'`);
  expect(answer(await run()).outcome).toBe('ALREADY_COMMITTED');
});

describe('a run whose work folder vanishes', () => {
  it('takes nothing of it over: also not what its workers wrote after the plan was gone, for a job that has changed', async () => {
    declare('SELECT * FROM input');
    const command = await begin();
    renameSync(work, join(folder, 'gone'));
    expect((await command.ended).code).toBe(1);
    expect(parts()).toBeGreaterThan(0);
    declare('SELECT id, n + 1 AS n FROM input');
    expect(answer(await run())).toMatchObject({ outcome: 'COMMITTED', rows: { written: rows } });
    await expectRows(`SELECT id, n + 1 AS n FROM ${numbers()}`);
  });

  it('ends with 1 and says so, and the same command does it all again', async () => {
    declare('SELECT * FROM input');
    const command = await begin();
    // at once, as a folder can't be emptied that others write to
    renameSync(work, join(folder, 'gone'));
    const ended = await command.ended;
    expect(ended.code, ended.stdout).toBe(1);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      error: { code: 'store.failed', message: expect.stringMatching(/The plan of run numbers-.*went from .*Run the same command again/) },
    });
    expect(deltaLog(table).versions).toEqual([]);
    const again = await run();
    expect(again.code, again.stdout).toBe(0);
    expect(answer(again)).toMatchObject({ outcome: 'COMMITTED', rows: { written: rows } });
    await expectRows(`SELECT * FROM ${numbers()}`);
  });
});

describe('a run that failed', () => {
  const withSize = async (size: string): Promise<Receipt> =>
    answer(await fanlake(folder, 'run', './job.ts', '--input', 'numbers.csv', '--split-size', size, '--json'));

  it('is cut anew when another --split-size is given, and goes on with its splits when the same is', async () => {
    declare("SELECT id, error(CASE WHEN id = 7 THEN 'seven' END) AS e FROM input");
    const first = await withSize('256KiB');
    expect(first).toMatchObject({ epoch: 0, outcome: 'FAILED' });
    const again = await withSize('256KiB');
    expect(again).toMatchObject({ run: first.run, epoch: 1, outcome: 'FAILED', tasks: { planned: first.tasks.planned } });
    const other = await withSize('1MiB');
    expect(other).toMatchObject({ run: first.run, epoch: 2, outcome: 'FAILED' });
    expect(other.tasks.planned).toBeLessThan(first.tasks.planned);
  });
});
