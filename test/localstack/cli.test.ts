import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, FanlakeCommand } from '../e2e/fanlake-command.ts';
import { type Deployment, deployment, onLocalStack, stackName, until } from './deployment.ts';

const jobsFile = fileURLToPath(new URL('./jobs.ts', import.meta.url));
/** Where a run's only task can be held back, so that the run is surely under way until the test lets it go. */
const notHeld = 'messages can only be held back by a LocalStack that we started';

interface Receipt {
  readonly run: string;
  readonly epoch: number;
  readonly outcome: string;
  readonly rows: { readonly written: number };
  readonly tasks: { readonly planned: number; readonly done: number };
  readonly table: { readonly path: string };
}

onLocalStack('a command with --stack', () => {
  let stack: Deployment;
  let folder: string;

  beforeAll(async () => {
    stack = await deployment();
    folder = mkdtempSync(join(tmpdir(), 'fanlake-cli-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const start = (...args: readonly string[]): FanlakeCommand =>
    new FanlakeCommand(folder, [...args, '--stack', stackName], { TMPDIR: folder });
  const fanlake = (...args: readonly string[]): Promise<Ended> => start(...args).ended;
  const receiptOf = ({ stdout }: Ended): Receipt => JSON.parse(stdout) as Receipt;

  async function rowsOf(sql: string): Promise<readonly unknown[]> {
    const { code, stdout, stderr } = await fanlake('query', sql, '--json');
    expect(code, stdout + stderr).toBe(0);
    return (JSON.parse(stdout) as { readonly rows: readonly unknown[] }).rows;
  }

  describe('run', () => {
    const run = (...more: readonly string[]) =>
      fanlake('run', '--query', 'SELECT id, upper(name) AS name FROM input', '--table', 'cli_people', '--json', ...more);

    it('loads the objects of a folder once, and again with --again; query reads them; status and explain tell of them', async () => {
      await stack.upload('cli/people/a b+1.csv', 'id,name\n1,ann\n2,bob\n');
      await stack.upload('cli/people/é.csv', 'id,name\n3,cid\n');
      const input = ['--input', `s3://${stack.of('LandingBucket')}/cli/people/`];
      const explained = await fanlake('explain', '--query', 'SELECT id FROM input', '--table', 'cli_people', '--json', ...input);
      expect(JSON.parse(explained.stdout)).toMatchObject({ input: { objects: 2 }, stages: [{ tasks: 1 }], table: { version: null } });

      const first = await run(...input, '--split-size', '1GB');
      expect(first.code, first.stderr).toBe(0);
      const receipt = receiptOf(first);
      const table = `s3://${stack.of('LakeBucket')}/cli_people`;
      expect(receipt).toMatchObject({
        outcome: 'COMMITTED',
        epoch: 0,
        rows: { written: 3 },
        tasks: { planned: 2, done: 2 },
        table: { path: table },
      });
      const people = [
        { id: 1, name: 'ANN' },
        { id: 2, name: 'BOB' },
        { id: 3, name: 'CID' },
      ];
      expect(await rowsOf('SELECT * FROM cli_people ORDER BY id')).toEqual(people);

      const question = 'SELECT upper(name) AS "the name", count(*) AS n FROM input WHERE id > 1 GROUP BY ALL ORDER BY 1 DESC';
      const asked = await fanlake('run', '--query', question, '--csv', '--split-size', '10B', ...input);
      expect(asked.stdout, asked.stderr).toBe('the name,n\nCID,1\nBOB,1\n');
      const answered = await fanlake('run', '--query', question, '--json', ...input);
      expect(JSON.parse(answered.stdout)).toMatchObject({
        outcome: 'COMMITTED',
        result: {
          rows: [
            ['CID', 1],
            ['BOB', 1],
          ],
          more: false,
        },
      });
      // an answer is no table
      expect((await fanlake('query', 'SELECT 1 FROM _answers')).code).toBe(2);

      const second = await run('--input', 'cli/people/*.csv');
      expect(second.code).toBe(0);
      expect(receiptOf(second)).toMatchObject({ outcome: 'ALREADY_COMMITTED', run: receipt.run });
      const again = receiptOf(await run(...input, '--again'));
      expect(again).toMatchObject({ outcome: 'COMMITTED', rows: { written: 3 } });
      expect(again.run).not.toBe(receipt.run);
      expect(await rowsOf('SELECT count(*) AS n FROM cli_people')).toEqual([{ n: 6 }]);

      expect(receiptOf(await fanlake('status', receipt.run.slice(0, -4), '--json'))).toEqual(receipt);
      const listed = JSON.parse((await fanlake('status', '--json')).stdout) as { readonly runs: readonly Receipt[] };
      expect(listed.runs.map(({ run: id }) => id)).toEqual(expect.arrayContaining([receipt.run, again.run]));
    });

    it('of an object whose upload was loaded is that very run', async () => {
      await stack.upload('by hand/a.csv', 'id\n1\n');
      const [outcome] = await stack.outcomes('by_hand', 1);
      const { code, stdout } = await fanlake('run', 'by-hand', '--jobs', jobsFile, '--input', 'by hand/a.csv', '--json');
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ outcome: 'ALREADY_COMMITTED', run: outcome?.run });
    });

    it('finds a mistake of the query before anything is asked of the stack', async () => {
      await stack.upload('cli/mistake.csv', 'id\n1\n');
      const before = await stack.keys('WorkBucket', 'requests/');
      const { code, stdout } = await fanlake(
        'run',
        '--query',
        'SELECT idd FROM input',
        '--table',
        'cli_mistake',
        '--input',
        'cli/mistake.csv',
        '--json',
      );
      expect(code).toBe(2);
      const { error } = JSON.parse(stdout) as { readonly error: { readonly code: string; readonly message: string } };
      expect(error.code).toBe('query.column');
      expect(error.message).toContain("did you mean 'id'");
      expect(await stack.keys('WorkBucket', 'requests/')).toEqual(before);
      expect(await stack.keys('LakeBucket', 'cli_mistake/')).toEqual([]);
    });

    it('tells how to upload a file of this machine', async () => {
      writeFileSync(join(folder, 'here.csv'), 'id\n1\n');
      const { code, stderr } = await fanlake('run', '--query', 'SELECT id FROM input', '--table', 'cli_here', '--input', 'here.csv');
      expect(code).toBe(2);
      expect(stderr).toContain(`aws s3 cp here.csv s3://${stack.of('LandingBucket')}/`);
    });
  });

  it('a run with a row that cannot be taken fails; quarantine shows the row; the same run with more patience commits', async () => {
    await stack.upload('cli/bad.csv', 'n\n1\nx\n3\n');
    const job = join(folder, 'bad.mjs');
    writeFileSync(job, `export default { name: 'cli-bad', input: { columns: { n: 'BIGINT' } }, table: { name: 'cli_bad' } };`);
    const run = (...more: readonly string[]) => fanlake('run', job, '--input', 'cli/bad.csv', '--json', ...more);
    const failed = await run();
    expect(failed.code).toBe(1);
    const { run: id } = receiptOf(failed);
    const shown = await fanlake('status', id);
    expect(shown.stdout).toContain(`fanlake quarantine --stack ${stackName} ${id}`);
    const { stdout } = await fanlake('quarantine', id, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ run: id, rows: [{ object: 'cli/bad.csv', column: 'n', raw: 'x' }], more: false });
    const patient = await run('--max-bad-rows', '1');
    expect(patient.code, patient.stderr).toBe(0);
    expect(receiptOf(patient)).toMatchObject({ run: id, epoch: 1, outcome: 'COMMITTED', rows: { written: 2 } });
    expect(await rowsOf('SELECT n FROM cli_bad ORDER BY n')).toEqual([{ n: 1 }, { n: 3 }]);
  });

  it('a cancelled run puts nothing into the table, whoever waits for it hears of it, and retry loads it after all', async (context) => {
    await stack.upload('cli/cancelled.csv', 'n\n1\n2\n');
    const letGo = await stack.holdBack('TasksQueue', 'cancelled');
    if (letGo === null) return context.skip(notHeld);
    context.onTestFinished(letGo);
    const args = ['run', '--query', 'SELECT n FROM input', '--table', 'cli_cancel', '--input', 'cli/cancelled.csv', '--json'] as const;
    const waiting = start(...args);
    await waiting.says('of 1 tasks');
    const countedBefore = await stack.metric('RunsCancelled');
    const newest = (await stack.keys('WorkBucket', 'recent/')).filter((key) => key.includes('-query-')).at(-1) ?? '';
    const cancelled = await fanlake('cancel', newest.slice(newest.indexOf('-query-') + 1), '--json');
    expect(cancelled.code, cancelled.stderr).toBe(0);
    const { run } = receiptOf(cancelled);
    const waited = await waiting.ended;
    expect(waited.code).toBe(4);
    expect(receiptOf(waited)).toMatchObject({ run, outcome: 'CANCELLED' });
    // the stack's own functions count and announce it, as every end
    await until('the cancelled run is counted', async () => (await stack.metric('RunsCancelled')) > countedBefore);
    expect(await stack.metric('RunsCancelled')).toBe(countedBefore + 1);
    // its task, on its way when the run was cancelled, is done all the same
    await letGo();
    const isDone = async () => (await stack.logLines('Worker')).some((line) => line['run'] === run && line['message'] === 'task done');
    await until('the task is done', isDone);
    expect((await fanlake(...args)).code).toBe(4);
    expect((await fanlake('query', 'SELECT * FROM cli_cancel')).code).toBe(2);
    const retried = await fanlake('retry', run, '--json');
    expect(retried.code, retried.stderr).toBe(0);
    expect(receiptOf(retried)).toMatchObject({ run, epoch: 1, outcome: 'COMMITTED', rows: { written: 2 } });
    expect((await fanlake('cancel', run)).code).toBe(1);
    expect(receiptOf(await fanlake('retry', run, '--json')).outcome).toBe('ALREADY_COMMITTED');
  });

  it('Ctrl-C ends the waiting alone: the run goes on, and the same command waits for it', async (context) => {
    await stack.upload('cli/awaited.csv', 'n\n1\n2\n');
    const letGo = await stack.holdBack('TasksQueue', 'awaited');
    if (letGo === null) return context.skip(notHeld);
    context.onTestFinished(letGo);
    const args = ['run', '--query', 'SELECT n FROM input', '--table', 'cli_wait', '--input', 'cli/awaited.csv'] as const;
    const waiting = start(...args);
    await waiting.says('of 1 tasks');
    waiting.child.kill('SIGINT');
    const { code, stderr } = await waiting.ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(new RegExp(`run query-\\w+-\\w+ goes on in the stack.*fanlake status --stack ${stackName} query-`));
    const again = start(...args, '--json');
    await again.says('of 1 tasks');
    await letGo();
    const { code: codeAgain, stdout } = await again.ended;
    expect(codeAgain).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'COMMITTED', rows: { written: 2 } });
    expect(await rowsOf('SELECT n FROM cli_wait ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('nothing that a query fetched is left on this machine', async () => {
    await until('no command is at work', async () => readdirSync(folder).every((name) => !name.startsWith('fanlake-')));
  });

  it('a stack that is not there is named with those that are', async () => {
    const { code, stderr } = await new FanlakeCommand(folder, ['status', '--stack', `${stackName}x`]).ended;
    expect(code).toBe(2);
    expect(stderr).toContain(`did you mean '${stackName}'`);
  });
});
