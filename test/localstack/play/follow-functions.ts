import { open, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchLogsClient, DescribeLogGroupsCommand, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { type FunctionLine, timeOf } from './function-line.ts';

const fileIntervalMs = 200;
const cloudWatchIntervalMs = 1_000;

export interface FollowOptions {
  readonly stack: string;
  /** The folder with a file of output for each function; null where LocalStack isn't a process of ours. */
  readonly lambdaLogs: string | null;
  readonly endpoint: string;
  readonly signal: AbortSignal;
}

/** Lines that the functions of a stack write, from now on until the signal, those that are there at once in the order of their times. */
export async function* followFunctions({ stack, lambdaLogs, endpoint, signal }: FollowOptions): AsyncGenerator<FunctionLine> {
  const look = lambdaLogs === null ? newEvents(stack, endpoint) : newLines(stack, lambdaLogs);
  const intervalMs = lambdaLogs === null ? cloudWatchIntervalMs : fileIntervalMs;
  while (!signal.aborted) {
    yield* inOrder(await look());
    await sleep(intervalMs, undefined, { signal }).catch(() => {});
  }
}

/** A line without a time stays behind the one that its function wrote before it. */
function inOrder(lines: readonly FunctionLine[]): readonly FunctionLine[] {
  let last = 0;
  const timed = lines.map((line) => {
    last = timeOf(line.text) ?? last;
    return { at: last, line };
  });
  return timed.sort((a, b) => a.at - b.at).map(({ line }) => line);
}

function newLines(stack: string, folder: string): () => Promise<readonly FunctionLine[]> {
  const seen = new Map<string, number>();
  return async () => {
    const files = (await readdir(folder)).filter((file) => file.startsWith(`${stack}-`)).sort();
    const lines: FunctionLine[] = [];
    for (const file of files) {
      const text = await readFrom(join(folder, file), seen.get(file) ?? 0);
      seen.set(file, (seen.get(file) ?? 0) + text.length);
      lines.push(
        ...text
          .toString()
          .split('\n')
          .map((line) => ({ lambda: basename(file, '.log'), text: line })),
      );
    }
    return lines;
  };
}

/** What a file holds from a byte on; LocalStack writes whole lines. */
async function readFrom(path: string, start: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(0, size - start)), 0, null, start);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function newEvents(stack: string, endpoint: string): () => Promise<readonly FunctionLine[]> {
  const client = new CloudWatchLogsClient({ endpoint, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
  const seen = new Set<string>();
  const startTime = Date.now();
  return async () => {
    const { logGroups = [] } = await client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: `/aws/lambda/${stack}-` }));
    const lines: FunctionLine[] = [];
    for (const { logGroupName = '' } of logGroups) {
      const { events = [] } = await client.send(new FilterLogEventsCommand({ logGroupName, startTime }));
      for (const { eventId = '', message = '' } of events) {
        if (!seen.has(eventId)) lines.push({ lambda: basename(logGroupName), text: message });
        seen.add(eventId);
      }
    }
    return lines;
  };
}
