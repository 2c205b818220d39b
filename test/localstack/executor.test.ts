import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { afterEach, expect, it } from 'vitest';
import { onEmulator } from '../contract/emulator.ts';
import { emulator } from './emulator.ts';
import { makeTinyStack, type Report, type TinySettings } from './tiny-stack.ts';

const { kind, lambdaLogs } = emulator;
const disposals: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const dispose of disposals.splice(0)) await dispose();
});

async function makeStack(settings: TinySettings = {}) {
  const stack = await makeTinyStack(settings);
  disposals.push(stack.dispose);
  return stack;
}

const order = (what: Readonly<Record<string, unknown>>): string => JSON.stringify(what);
const receiveCounts = (reports: readonly Report[]) => reports.flatMap(({ receiveCount }) => receiveCount ?? []);

onEmulator('functions behind queues', () => {
  it('are given a message with its text as it was sent, its attributes, its receive count and its queue', async () => {
    const stack = await makeStack({ batchSize: 10 });
    const bodies = ['{"a" : 1.0, "a":9007199254740993}', '"text"', 'no JSON', '{"é":"\\u00e9 😀"}'];
    await stack.send(bodies, { Colour: { DataType: 'String', StringValue: 'blue' } });
    const reports: Report[] = [];
    while (reports.filter(({ body }) => body !== undefined).length < bodies.length) reports.push(...(await stack.reports(1)));
    const received = reports.filter(({ body }) => body !== undefined);
    expect(received.map(({ body }) => body).sort()).toEqual([...bodies].sort());
    for (const { receiveCount, messageAttributes, eventSourceARN } of received) {
      expect({ receiveCount, eventSourceARN }).toEqual({ receiveCount: 1, eventSourceARN: stack.queueArn });
      expect(messageAttributes).toMatchObject({ Colour: { dataType: 'String', stringValue: 'blue' } });
    }
  });

  it('get a message again when they throw, each time counted, until it is a dead letter', async () => {
    const stack = await makeStack({ maxReceives: 3, visibilitySeconds: 4 });
    await stack.send([order({ order: 'throw' })]);
    expect(await stack.deadLetters(1)).toEqual([order({ order: 'throw' })]);
    expect(receiveCounts(await stack.reports(3))).toEqual([1, 2, 3]);
  });

  it('get again only those messages of a batch that they name as failed', async () => {
    // long enough for a batch on a busy machine: what was handled may come again as well, when that takes longer
    const stack = await makeStack({ batchSize: 10, maximumConcurrency: 2, maxReceives: 3, visibilitySeconds: 4 });
    const sound = [1, 2, 3, 4].map((id) => order({ id }));
    const failing = order({ id: 0, failures: 1000 });
    await stack.send([...sound, failing]);
    expect(await stack.deadLetters(1)).toEqual([failing]);
    // one report for each receive: 4 of sound messages, 3 of the other, and one after each batch
    const reports: Report[] = [];
    while (reports.filter(({ body }) => body !== undefined).length < 7) reports.push(...(await stack.reports(1)));
    const bodies = reports.flatMap(({ body }) => body ?? []);
    expect(bodies.sort()).toEqual([...sound, failing, failing, failing].sort());
  });

  it('get a failed message again after the visibility that they gave it, be it shorter or longer than the queue has', async () => {
    const shorter = await makeStack({ visibilitySeconds: 600, timeoutSeconds: 10 });
    await shorter.send([order({ failures: 1, visibilitySeconds: 1 })]);
    expect(receiveCounts(await shorter.reports(4))).toEqual([1, 2]);
    const longer = await makeStack({ visibilitySeconds: 3 });
    await longer.send([order({ failures: 1, visibilitySeconds: 8 })]);
    const [first, , second] = await longer.reports(4);
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(7000);
  });

  it('are as many processes at once as the mapping allows, and no more', async () => {
    const stack = await makeStack({ maximumConcurrency: 4, visibilitySeconds: 60 });
    await stack.send(Array.from({ length: 10 }, (_, id) => order({ id, order: 'sleep' })));
    const reports = await stack.reports(20);
    expect(new Set(reports.map(({ pid }) => pid)).size).toBe(4);
    const steps = reports
      .map(({ atMs, batch }) => ({ atMs, step: batch === undefined ? 1 : -1 }))
      .sort((a, b) => a.atMs - b.atMs || a.step - b.step);
    let running = 0;
    for (const { step } of steps) {
      running += step;
      expect(running).toBeLessThanOrEqual(4);
    }
  });

  it('get a message again in another process when theirs is killed in the middle of it', async (context) => {
    if (kind !== 'process') context.skip('functions are not processes of this machine here');
    const stack = await makeStack({ visibilitySeconds: 4 });
    await stack.send([order({ order: 'hang', once: true })]);
    const [first] = await stack.reports(1);
    process.kill(first?.pid ?? 0, 'SIGKILL');
    const [second] = await stack.reports(1);
    expect(second).toMatchObject({ id: first?.id, receiveCount: 2 });
    expect(second?.pid).not.toBe(first?.pid);
  });

  it.each(['hang', 'spin', 'exit'])('get a message again when they %s', async (what) => {
    const stack = await makeStack({ timeoutSeconds: 2, visibilitySeconds: 5 });
    await stack.send([order({ order: what, once: true })]);
    expect(receiveCounts(await stack.reports(3))).toEqual([1, 2]);
  });
});

onEmulator('functions that are invoked', () => {
  it('know what they are, and how long they have', async () => {
    const stack = await makeStack({ timeoutSeconds: 20, memoryMib: 300 });
    const { error, payload } = await stack.invoke({});
    expect(error).toBeUndefined();
    expect(payload).toMatchObject({
      context: {
        functionName: stack.name,
        memoryLimitInMB: '300',
        invokedFunctionArn: expect.stringMatching(new RegExp(`${stack.name}$`)),
      },
      environment: {
        AWS_LAMBDA_FUNCTION_NAME: stack.name,
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '300',
        AWS_REGION: 'us-east-1',
        _HANDLER: 'index.handler',
      },
    });
    expect(payload['remainingMs']).toBeGreaterThan(1000);
    expect(payload['remainingMs']).toBeLessThanOrEqual(20_000);
  });

  it('stay warm, and are another process after they failed to go on', async () => {
    const stack = await makeStack();
    const pid = async () => (await stack.invoke({})).payload['pid'];
    const first = await pid();
    expect(await pid()).toBe(first);
    expect((await stack.invoke({ order: 'throw' })).error).toBeDefined();
    expect(await pid()).toBe(first);
    expect((await stack.invoke({ order: 'exit' })).error).toBeDefined();
    expect(kind === 'process' ? await pid() : null).not.toBe(first);
  });

  it.each([
    ['throw', { errorType: 'RangeError', errorMessage: 'as the test wants it' }],
    ['exit', { errorType: 'Runtime.ExitError', errorMessage: expect.stringMatching(/Runtime exited with error: exit status 3$/) }],
    ['hang', { errorMessage: expect.stringMatching(/Task timed out after 2\.00 seconds$/) }],
    ['memory', { errorType: 'Runtime.OutOfMemory', errorMessage: expect.stringMatching(/signal: killed$/) }],
  ])('answer with what went wrong: %s', async (what, described) => {
    const stack = await makeStack({ timeoutSeconds: what === 'hang' ? 2 : 30, memoryMib: 192 });
    const { error, payload } = await stack.invoke({ order: what });
    expect(error).toBeDefined();
    expect(payload).toMatchObject(described);
  });

  it.each([
    ['does not parse', 'export const handler = (', { errorType: 'SyntaxError' }],
    ['has no handler', 'export const other = 1;', { errorType: 'Runtime.HandlerNotFound', errorMessage: /index\.handler/ }],
    ['throws when it is loaded', "throw new TypeError('not today');", { errorType: 'TypeError', errorMessage: 'not today' }],
    ['ends when it is loaded', 'process.exit(7);', { errorType: 'Runtime.ExitError', errorMessage: /exit status 7/ }],
  ])(
    'answer why code that %s cannot be loaded',
    async (_, code, { errorType, errorMessage = /./ }: { errorType: string; errorMessage?: string | RegExp }) => {
      const stack = await makeStack({ code });
      const { error, payload } = await stack.invoke({});
      expect(error).toBeDefined();
      expect(payload['errorType']).toBe(errorType);
      expect(payload['errorMessage']).toMatch(errorMessage);
    },
  );

  it('write what they print to their log', async () => {
    const stack = await makeStack();
    await stack.invoke({});
    const logs = new CloudWatchLogsClient({});
    const find = async () =>
      await logs.send(new FilterLogEventsCommand({ logGroupName: `/aws/lambda/${stack.name}` })).then(
        ({ events = [] }) => events.map(({ message = '' }) => message.trim()),
        () => [],
      );
    let lines: readonly string[] = [];
    while (lines.length === 0) lines = await find();
    expect(lines).toContain('called with no records');
    if (lambdaLogs !== null)
      expect(readFileSync(join(lambdaLogs, `${stack.name}.log`), 'utf8')).toMatch(
        /^START .*\ncalled with no records\nEND .*\nREPORT .*\n$/,
      );
  });
});

onEmulator('a function process', () => {
  it('has a temporary folder of its own, which goes with it', async (context) => {
    if (kind !== 'process') context.skip('functions are not processes of this machine here');
    const stack = await makeTinyStack();
    const { payload } = await stack.invoke({});
    const { TMPDIR: folder = '' } = payload['environment'] as Readonly<Record<string, string>>;
    expect(existsSync(folder)).toBe(true);
    await stack.dispose();
    await expect.poll(() => existsSync(folder), { timeout: 20_000 }).toBe(false);
  });
});
