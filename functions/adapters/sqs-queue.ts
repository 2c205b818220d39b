import { setTimeout as sleep } from 'node:timers/promises';
import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { eachInParallel } from '../core/in-parallel.ts';
import type { FailedSend, Queue } from '../core/ports.ts';

/** Most entries of a batch, and most bytes of all its bodies together: SQS, quotas of messages. */
const batchEntries = 10;
const batchBytes = 1 << 20;
const parallelBatches = 16;
/** Times that what failed is sent again, each after a longer pause, before the sender is told. */
const resends = 4;
const resendPauseMs = 100;
const longestDelayS = 900;

export interface SqsQueueOptions {
  readonly client: SQSClient;
  readonly url: string;
}

interface Entry {
  readonly index: number;
  readonly body: string;
  readonly bytes: number;
}

interface Refused extends FailedSend {
  /** SQS says that sending it again can't help. */
  readonly forGood: boolean;
}

/** The sending side of an SQS queue; on the other side Lambda receives. */
export class SqsQueue<Message> implements Queue<Message> {
  readonly #client: SQSClient;
  readonly #url: string;

  constructor({ client, url }: SqsQueueOptions) {
    this.#client = client;
    this.#url = url;
  }

  async send(messages: readonly Message[], delayMs = 0): Promise<readonly FailedSend[]> {
    const tooLarge: FailedSend[] = [];
    const entries = messages.flatMap((message, index): readonly Entry[] => {
      const body = JSON.stringify(message);
      const bytes = Buffer.byteLength(body);
      if (bytes <= batchBytes) return [{ index, body, bytes }];
      tooLarge.push({ index, reason: `a message of ${bytes} bytes: 1 MiB is the most` });
      return [];
    });
    const delayS = Math.min(longestDelayS, Math.ceil(delayMs / 1000));
    const failed = await eachInParallel([...batchesOf(entries)], parallelBatches, (batch) => this.#sendBatch(batch, delayS));
    return [...tooLarge, ...failed.flat().map(({ index, reason }) => ({ index, reason }))];
  }

  async #sendBatch(batch: readonly Entry[], delayS: number): Promise<readonly Refused[]> {
    let waiting = batch;
    const lost: Refused[] = [];
    for (let round = 0; ; round++) {
      const failed = await this.#try(waiting, delayS);
      lost.push(...failed.filter(({ forGood }) => forGood));
      const again = new Set(failed.filter(({ forGood }) => !forGood).map(({ index }) => index));
      if (again.size === 0) return lost;
      if (round === resends) return [...lost, ...failed.filter(({ forGood }) => !forGood)];
      waiting = waiting.filter(({ index }) => again.has(index));
      await sleep(resendPauseMs * 2 ** round * (0.5 + Math.random() / 2));
    }
  }

  /** An answer of 200 may carry failed entries; one that never came leaves open whether they were sent, so they are sent twice rather than never. */
  async #try(batch: readonly Entry[], delayS: number): Promise<readonly Refused[]> {
    try {
      const { Failed: failed = [] } = await this.#client.send(
        new SendMessageBatchCommand({
          QueueUrl: this.#url,
          Entries: batch.map(({ index, body }) => ({ Id: String(index), MessageBody: body, DelaySeconds: delayS })),
        }),
      );
      return failed.map((entry) => ({
        index: Number(entry.Id),
        reason: `${entry.Code ?? 'failed'}: ${entry.Message ?? ''}`,
        forGood: entry.SenderFault === true,
      }));
    } catch (thrown) {
      const reason = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
      return batch.map(({ index }) => ({ index, reason, forGood: false }));
    }
  }
}

/** Entries in batches that SQS takes: at most ten, and at most 1 MiB together. */
function* batchesOf(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let batch: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (batch.length === batchEntries || (batch.length > 0 && bytes + entry.bytes > batchBytes)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(entry);
    bytes += entry.bytes;
  }
  if (batch.length > 0) yield batch;
}
