import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { SqsClient } from '../adapters/sqs-client.ts';
import { changeVisibility } from '../adapters/sqs-visibility.ts';
import { asFanlakeError } from '../core/errors.ts';
import type { LogFields } from '../core/log-fields.ts';
import { aboutMessage } from '../core/message.ts';
import type { Delivery } from '../core/ports.ts';
import { withinDeadline, workMs } from '../runtime/deadline.ts';
import type { FunctionLog } from '../runtime/log.ts';

/** A message stays invisible for so long after the last sign of life, so that one whose function was killed comes again soon, not after half an hour. */
const invisibleMs = 30_000;
const signOfLifeMs = 10_000;
/** Wait before a message comes again after a passing error: 5 s, doubled each time, at most 10 min. */
const firstBackoffMs = 5_000;
const lastBackoffMs = 600_000;

/** One message of a batch, with the queue that it came from. */
export interface BatchDelivery extends Delivery<string> {
  /** Name of its queue. */
  readonly queue: string;
}

export interface FailedDelivery {
  readonly index: number;
  readonly error: unknown;
}

export interface BatchOptions {
  /** URLs of the queues that the function receives from. */
  readonly queueUrls: readonly string[];
  readonly sqs: SqsClient;
  readonly log: FunctionLog;
  /** Tells what is under way to stop: its time is up. */
  readonly stop?: () => void;
  /** What is to be done yet when it doesn't, before the process ends. */
  readonly stuck?: () => Promise<void>;
  /**
   * Signs of life begin so long after the function does: most messages are done by then, and cost no request. 0: the first one is waited for, before anything
   * else is done, since whatever kills the function may be about to.
   */
  readonly quietMs: number;
  /** What a message is about, for the lines that tell of it. Default: run and task of a message of ours. */
  readonly about?: (body: string, queue: string) => LogFields;
  /** Handles the deliveries and answers those that failed; what it throws fails all. One that called `retryIn` is given back in any case. */
  readonly handle: (deliveries: readonly BatchDelivery[]) => Promise<readonly FailedDelivery[]>;
}

/**
 * A batch of SQS messages as Lambda hands it over: keeps them invisible while they are handled, stops inside the function's own time, gives back what failed,
 * sooner or later by how often it came, and answers which those are (AWS Lambda Developer Guide, Reporting batch item failures for Amazon SQS).
 */
export async function handleBatch(event: SQSEvent, context: Context, options: BatchOptions): Promise<SQSBatchResponse> {
  const { log, handle, stop = () => {}, stuck = async () => {} } = options;
  log.begin(context);
  const messages = event.Records.map((record) => new Message(record, options));
  const signs = new SignsOfLife(messages, options);
  await signs.begin();
  let isStuck = false;
  let failed: readonly FailedDelivery[] = [];
  try {
    failed = await withinDeadline(handle(messages), {
      ms: workMs(context.getRemainingTimeInMillis()),
      stop,
      stuck: () => {
        isStuck = true;
        return stuck();
      },
    });
  } catch (error) {
    failed = messages.map((_, index) => ({ index, error }));
  }
  await signs.stop();
  for (const { index, error } of failed) await giveBack(messages[index], error, log);
  if (isStuck) log.warn("work didn't stop at its deadline: this process ends");
  log.flush();
  // it would go on in the middle of the next invocation, however much later that is
  if (isStuck) process.exit(1);
  return { batchItemFailures: messages.filter(({ isGivenBack }) => isGivenBack).map(({ id }) => ({ itemIdentifier: id })) };
}

async function giveBack(message: Message | undefined, thrown: unknown, log: FunctionLog): Promise<void> {
  if (message === undefined) return;
  const error = asFanlakeError(thrown);
  const about = log.about(message.about);
  about.failure('a message failed', error, { queue: message.queue, messageId: message.id, receiveCount: message.receiveCount });
  if (error.code === 'task.timeout') log.count('DeadlineExceeded');
  if (message.isGivenBack) return;
  // what nobody understands needn't wait to be a dead letter
  const backoffMs = error.code === 'usage' ? 0 : Math.min(lastBackoffMs, firstBackoffMs * 2 ** (message.receiveCount - 1));
  await message.retryIn(backoffMs * (0.5 + Math.random() / 2)).catch((failure: unknown) => {
    about.failure('its visibility stays as it is', failure, { messageId: message.id });
  });
}

class Message implements BatchDelivery {
  readonly id: string;
  readonly body: string;
  readonly receiveCount: number;
  readonly queue: string;
  readonly ageMs: number;
  readonly queueUrl: string;
  readonly receiptHandle: string;
  isGivenBack = false;
  /** The sign of life under way. */
  sign: Promise<void> = Promise.resolve();

  readonly sqs: SqsClient;
  readonly #about: (body: string, queue: string) => LogFields;

  constructor(record: SQSRecord, { queueUrls, sqs, about = aboutMessage }: Pick<BatchOptions, 'queueUrls' | 'sqs' | 'about'>) {
    this.sqs = sqs;
    this.#about = about;
    this.id = record.messageId;
    this.body = record.body;
    this.receiveCount = Number(record.attributes.ApproximateReceiveCount);
    this.queue = record.eventSourceARN.slice(record.eventSourceARN.lastIndexOf(':') + 1);
    this.receiptHandle = record.receiptHandle;
    this.ageMs = Math.max(0, Date.now() - Number(record.attributes.SentTimestamp));
    const url = queueUrls.find((known) => known.endsWith(`/${this.queue}`));
    if (url === undefined) throw new Error(`a message of ${this.queue}, a queue that this function doesn't know`);
    this.queueUrl = url;
  }

  get about(): LogFields {
    return this.#about(this.body, this.queue);
  }

  async extend(ms: number): Promise<void> {
    if (!this.isGivenBack) await changeVisibility(this.sqs, this.queueUrl, [this.receiptHandle], ms);
  }

  async retryIn(ms: number): Promise<void> {
    this.isGivenBack = true;
    // which would hide it again
    await this.sign;
    await changeVisibility(this.sqs, this.queueUrl, [this.receiptHandle], ms);
  }
}

/** Keeps the messages of a batch invisible as long as their function lives. */
class SignsOfLife {
  readonly #messages: readonly Message[];
  readonly #log: FunctionLog;
  readonly #sqs: SqsClient;
  readonly #quietMs: number;
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(messages: readonly Message[], { quietMs, log, sqs }: BatchOptions) {
    this.#messages = messages;
    this.#log = log;
    this.#sqs = sqs;
    this.#quietMs = quietMs;
  }

  async begin(): Promise<void> {
    if (this.#quietMs === 0) await this.#give();
    else this.#timer = setTimeout(() => void this.#give(), this.#quietMs);
  }

  #give(): Promise<void> {
    if (!this.#stopped) {
      this.#last = this.#extendAll();
      this.#timer = setTimeout(() => void this.#give(), signOfLifeMs);
    }
    return this.#last;
  }

  async #extendAll(): Promise<void> {
    const byQueue = Map.groupBy(
      this.#messages.filter(({ isGivenBack }) => !isGivenBack),
      ({ queueUrl }) => queueUrl,
    );
    for (const [url, messages] of byQueue) {
      const handles = messages.map(({ receiptHandle }) => receiptHandle);
      // the next sign may come through; without one the message comes twice, which every handler of ours takes
      const sign = changeVisibility(this.#sqs, url, handles, invisibleMs).catch((failure: unknown) => {
        for (const { about, id } of messages) this.#log.about(about).failure('no sign of life', failure, { messageId: id });
      });
      for (const message of messages) message.sign = sign;
      await sign;
    }
  }

  /** No sign comes behind this: it would hide a message that was given back. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#last;
  }
}
