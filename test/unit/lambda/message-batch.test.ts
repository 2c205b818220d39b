import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, SQSEvent } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeSqsClient, type SqsClient } from '../../../functions/adapters/sqs-client.ts';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { type BatchDelivery, type BatchOptions, handleBatch } from '../../../functions/lambda/message-batch.ts';
import { FunctionLog } from '../../../functions/runtime/log.ts';
import { SqsServer } from './sqs-server.ts';

let server: SqsServer;
let endpoint: string;
let sqs: SqsClient;
let printed: string[];

beforeEach(async () => {
  // the clock of signs, deadlines and backoff; the requests of this process are real
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const variables = {
    POWERTOOLS_METRICS_NAMESPACE: 'Fanlake',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  printed = [];
  for (const write of ['log', 'info', 'warn', 'error'] as const)
    vi.spyOn(console, write).mockImplementation((line) => void printed.push(String(line)));
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => printed.push(String(line)) > 0);
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => printed.push(String(line)) > 0);
  server = new SqsServer();
  endpoint = await server.listen();
  sqs = makeSqsClient({ AWS_ENDPOINT_URL: endpoint });
});
afterEach(() => {
  sqs.destroy();
  server.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** A batch of messages `m0`, `m1`, ... of the queue `tasks`, each received so many times. */
function batch(...receiveCounts: readonly number[]): SQSEvent {
  return {
    Records: receiveCounts.map((count, index) => ({
      messageId: `m${index}`,
      receiptHandle: `r${index}`,
      body: `{"n":${index}}`,
      attributes: {
        ApproximateReceiveCount: String(count),
        SentTimestamp: String(Date.now() - 5_000),
        SenderId: '',
        ApproximateFirstReceiveTimestamp: '',
      },
      messageAttributes: {},
      md5OfBody: '',
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:tasks',
      awsRegion: 'us-east-1',
    })),
  };
}

function run(event: SQSEvent, options: Partial<BatchOptions> & Pick<BatchOptions, 'handle'>, remainingMs = 60_000) {
  const context = { awsRequestId: 'request', getRemainingTimeInMillis: () => remainingMs } as Context;
  return handleBatch(event, context, {
    queueUrls: [`${endpoint}/000000000000/requests`, `${endpoint}/000000000000/tasks`],
    sqs,
    log: FunctionLog.open('Test'),
    quietMs: 3_000,
    ...options,
  });
}

const passing = new FanlakeError('store.failed', 'S3 is slow');
const secondsOf = (receipt: string): readonly number[] => server.changes.flatMap(({ seconds }) => seconds[receipt] ?? []);
const idsOf = ({ batchItemFailures }: Awaited<ReturnType<typeof run>>) => batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
const settled = (ms: number) => vi.advanceTimersByTimeAsync(ms);
/** Waits for requests that are under way, while the clock stands still. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
const changed = (times: number): Promise<void> => until(() => server.changes.length >= times);

/** Work that ends when it is told to. */
function pending() {
  let end = (_error?: unknown) => {};
  const work = new Promise<void>((resolve, reject) => {
    end = (error) => (error === undefined ? resolve() : reject(error));
  });
  return { work, end };
}

describe('a batch of messages', () => {
  it('gives back those that failed alone, and answers their ids', async () => {
    const seen: string[] = [];
    const answer = await run(batch(1, 1, 1), {
      handle: async (deliveries) => {
        seen.push(...deliveries.map(({ body, queue, receiveCount }) => `${queue} ${body} ${receiveCount}`));
        return [{ index: 1, error: passing }];
      },
    });
    expect(seen).toEqual(['tasks {"n":0} 1', 'tasks {"n":1} 1', 'tasks {"n":2} 1']);
    expect(idsOf(answer)).toEqual(['m1']);
    expect(server.changes.map(({ queue, seconds }) => [queue, Object.keys(seconds)])).toEqual([['tasks', ['r1']]]);
  });

  it('answers no ids and asks for nothing when all is done', async () => {
    expect(idsOf(await run(batch(1, 4), { handle: async () => [] }))).toEqual([]);
    expect(server.changes).toEqual([]);
  });

  it('gives all of them back when the handler throws', async () => {
    const answer = await run(batch(1, 1), {
      handle: async () => {
        throw passing;
      },
    });
    expect(idsOf(answer)).toEqual(['m0', 'm1']);
    expect(secondsOf('r0')).toHaveLength(1);
    expect(secondsOf('r1')).toHaveLength(1);
  });

  it('comes again the later the more often it came: 5 s, doubled each time, at most ten minutes, and at least half of that', async () => {
    const counts = [1, 2, 3, 5, 8, 30];
    await run(batch(...counts), { handle: async () => counts.map((_, index) => ({ index, error: passing })) });
    const most = [5, 10, 20, 80, 600, 600];
    for (const [index, longest] of most.entries()) {
      const [seconds = -1, ...more] = secondsOf(`r${index}`);
      expect(more).toEqual([]);
      expect(seconds).toBeGreaterThanOrEqual(longest / 2);
      expect(seconds).toBeLessThanOrEqual(longest);
    }
  });

  it('comes again at once when nobody understands it: a dead letter need not wait', async () => {
    const answer = await run(batch(4), { handle: async () => [{ index: 0, error: new FanlakeError('usage', 'no message of ours') }] });
    expect(idsOf(answer)).toEqual(['m0']);
    expect(secondsOf('r0')).toEqual([0]);
  });

  it('comes again when its handler said, though it failed as well', async () => {
    const answer = await run(batch(7, 7, 7), {
      handle: async ([first, second]) => {
        await first?.retryIn(15_000);
        await second?.retryIn(90_000);
        return [{ index: 1, error: passing }];
      },
    });
    expect(idsOf(answer)).toEqual(['m0', 'm1']);
    expect(server.changes.map(({ seconds }) => seconds)).toEqual([{ r0: 15 }, { r1: 90 }]);
  });

  it('comes again when its handler said, though that extends it afterwards', async () => {
    const answer = await run(batch(1), {
      handle: async ([only]) => {
        await only?.retryIn(5_000);
        await only?.extend(60_000);
        return [];
      },
    });
    expect(idsOf(answer)).toEqual(['m0']);
    expect(secondsOf('r0')).toEqual([5]);
  });

  it('is answered as failed also when it cannot be given back, and the others are given back all the same', async () => {
    server.answer = async ({ seconds }) => ('r0' in seconds ? 'refused' : []);
    const answer = await run(batch(1, 1), { handle: async () => [0, 1].map((index) => ({ index, error: passing })) });
    expect(idsOf(answer)).toEqual(['m0', 'm1']);
    expect(secondsOf('r1')).toHaveLength(1);
  });

  it('is refused when it comes from a queue that the function was not told of', async () => {
    const options = { queueUrls: [`${endpoint}/000000000000/more-tasks`], handle: async () => [] };
    await expect(run(batch(1), options)).rejects.toThrow('a message of tasks, a queue that this function');
  });
});

describe('signs of life', () => {
  it('come before anything is done where the function may be killed at once, then every ten seconds, for half a minute, until the end', async () => {
    const { work, end } = pending();
    const before: unknown[] = [];
    const answer = run(batch(1, 1), {
      quietMs: 0,
      handle: async () => {
        before.push(...server.changes.map(({ seconds }) => seconds));
        await work;
        return [];
      },
    });
    await until(() => before.length > 0);
    expect(before).toEqual([{ r0: 30, r1: 30 }]);
    for (const times of [2, 3]) {
      await settled(9_999);
      expect(server.changes).toHaveLength(times - 1);
      await settled(1);
      await changed(times);
    }
    expect(server.changes.map(({ seconds }) => seconds)).toEqual(Array.from({ length: 3 }, () => ({ r0: 30, r1: 30 })));
    end();
    expect(idsOf(await answer)).toEqual([]);
    await settled(60_000);
    expect(server.changes).toHaveLength(3);
  });

  it('come later where most messages are done by then', async () => {
    const { work, end } = pending();
    const answer = run(batch(1), { quietMs: 3_000, handle: async () => work.then(() => []) });
    await settled(2_999);
    expect(server.changes).toEqual([]);
    await settled(1);
    await changed(1);
    end();
    await answer;
  });

  it('are no longer given for a message that was given back', async () => {
    const { work, end } = pending();
    const answer = run(batch(1, 1), {
      quietMs: 0,
      handle: async ([first]) => {
        await first?.retryIn(5_000);
        await work;
        return [];
      },
    });
    await changed(2);
    await settled(10_000);
    await changed(3);
    expect(server.changes.map(({ seconds }) => seconds)).toEqual([{ r0: 30, r1: 30 }, { r0: 5 }, { r1: 30 }]);
    end();
    expect(idsOf(await answer)).toEqual(['m0']);
  });

  it('do not hide a message that is given back while one is under way: that waits for its answer', async () => {
    const [{ work, end }, sign] = [pending(), pending()];
    const deliveries: BatchDelivery[] = [];
    const answered: string[] = [];
    server.answer = async ({ seconds }) => {
      if (seconds['r0'] === 30) await sign.work;
      answered.push(JSON.stringify(seconds));
      return [];
    };
    const answer = run(batch(1), {
      quietMs: 3_000,
      handle: async (all) => {
        deliveries.push(...all);
        await work;
        return [];
      },
    });
    await settled(3_000);
    await changed(1);
    const back = deliveries[0]?.retryIn(0);
    // time for a request that waits for nothing
    await sleep(100);
    sign.end();
    await back;
    expect(answered).toEqual(['{"r0":30}', '{"r0":0}']);
    end();
    expect(idsOf(await answer)).toEqual(['m0']);
  });

  it('do not go on behind the answer of their batch: that waits for the one under way', async () => {
    const [{ work, end }, sign] = [pending(), pending()];
    const order: string[] = [];
    server.answer = async () => {
      await sign.work;
      order.push('sign');
      return [];
    };
    const answer = run(batch(1), { quietMs: 3_000, handle: async () => work.then(() => []) }).then(() => order.push('batch'));
    await settled(3_000);
    await changed(1);
    end();
    await settled(0);
    sign.end();
    await answer;
    expect(order).toEqual(['sign', 'batch']);
  });

  it('that cannot be given fail nothing', async () => {
    server.answer = async () => 'refused';
    expect(idsOf(await run(batch(1), { quietMs: 0, handle: async () => [] }))).toEqual([]);
    expect(printed.join('\n')).toContain('no sign of life');
  });

  it('are given for the other messages when SQS knows one no longer', async () => {
    server.answer = async () => ['r0'];
    expect(idsOf(await run(batch(1, 1), { quietMs: 0, handle: async () => [] }))).toEqual([]);
    expect(printed.join('\n')).not.toContain('no sign of life');
  });
});

describe("the function's own time", () => {
  /** Ends a process in a test. */
  class Exited extends Error {}

  it('is not used up: work is told to stop before, and what ends then is given back in time', async () => {
    const { work, end } = pending();
    const stop = vi.fn(() => end(passing));
    const answer = run(batch(1, 1), { stop, handle: async () => work.then(() => []) }, 40_000);
    await settled(35_999);
    expect(stop).not.toHaveBeenCalled();
    await settled(1);
    expect(stop).toHaveBeenCalledOnce();
    expect(idsOf(await answer)).toEqual(['m0', 'm1']);
  });

  it('ends the process when the work does not stop, after its messages were given back and what is to be done was done', async () => {
    const exit = vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw new Exited(String(code));
    });
    const events: string[] = [];
    server.answer = async ({ seconds }) => {
      events.push(`given back: ${Object.keys(seconds)}`);
      return [];
    };
    const stop = () => events.push('told to stop');
    const stuck = async () => void events.push('stuck');
    const never = new Promise<never>(() => {});
    const answer = run(batch(1, 2), { stop, stuck, quietMs: 60_000, handle: () => never }, 40_000).catch((error: unknown) => error);
    await settled(36_000);
    expect(events).toEqual(['told to stop']);
    await settled(2_000);
    expect(await answer).toBeInstanceOf(Exited);
    expect(exit).toHaveBeenCalledExactlyOnceWith(1);
    expect(events).toEqual(['told to stop', 'stuck', 'given back: r0', 'given back: r1']);
    expect(printed.some((line) => line.includes('"DeadlineExceeded"') && line.includes('_aws'))).toBe(true);
  });
});
