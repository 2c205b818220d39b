import { setImmediate as nextTurn } from 'node:timers/promises';
import { asFanlakeError, type ErrorReport, FanlakeError } from '../core/errors.ts';
import type { FailedSend, Queue } from '../core/ports.ts';
import { type LocalDelivery, MessageStates, type QueueCounts, type Receipt } from './message-states.ts';

const batchMessages = 10;
const maxMessageBytes = 1 << 20;
const maxSendAttempts = 3;
const messagesPerTurn = 10_000;

export interface LocalQueueOptions<Message> {
  /** A message that was received this often and wasn't acknowledged goes to `deadLetters`. Without these two it is tried for ever. */
  readonly maxReceives?: number;
  readonly deadLetters?: LocalQueue<Message>;
  /** How long a message that failed stays invisible. Default: none after a worker's death, else 0.2 s, doubled with each receipt up to 20 s. */
  readonly retryDelayMs?: (receiveCount: number, error: ErrorReport) => number;
  /** For tests: a reason makes this attempt to send this message fail. */
  readonly failSend?: (message: Message, attempt: number) => string | null;
}

export interface ConsumeOptions {
  /** Handlers under way at a time. Default 1. */
  readonly concurrency?: number;
  /** Messages a handler gets at most. Default 1. */
  readonly batchSize?: number;
  /** How long to wait for a batch to fill up. Default 0. */
  readonly batchWindowMs?: number;
  /** After this time without `extend` a message is received again though its handler is still at it. Default: never. */
  readonly visibilityMs?: number;
}

/** Answers the indexes of the deliveries that failed; the others are acknowledged. One that throws fails all of them. */
export type BatchHandler<Message> = (batch: readonly LocalDelivery<Message>[]) => Promise<readonly number[] | undefined>;

interface Consumer<Message> {
  readonly handler: BatchHandler<Message>;
  readonly options: Required<ConsumeOptions>;
  readonly onceStopped: (() => void)[];
  running: number;
  stopping: boolean;
  windowOver: boolean;
  window?: NodeJS.Timeout;
}

/** A queue in this process's memory with the manners of SQS: at least once, unordered in principle, visibility timeout, dead letters. */
export class LocalQueue<Message> implements Queue<Message> {
  readonly name: string;
  readonly #options: LocalQueueOptions<Message>;
  readonly #states: MessageStates<Message>;
  #consumer: Consumer<Message> | undefined;
  #pumping = false;

  constructor(name: string, options: LocalQueueOptions<Message> = {}) {
    const { deadLetters, maxReceives = Number.POSITIVE_INFINITY } = options;
    this.name = name;
    this.#options = options;
    this.#states = new MessageStates({
      maxReceives: deadLetters === undefined ? Number.POSITIVE_INFINITY : maxReceives,
      bury: (text, lastError) => {
        if (deadLetters !== undefined) deadLetters.#states.add(text, 0, lastError);
      },
      onVisible: () => this.#pump(),
    });
  }

  /** Sends in batches of ten; a message is copied (as JSON), never shared. A message over 1 MiB fails. */
  async send(messages: readonly Message[], delayMs = 0): Promise<readonly FailedSend[]> {
    const failed: FailedSend[] = [];
    for (let start = 0; start < messages.length; start += batchMessages) {
      let waiting = messages.slice(start, start + batchMessages).map((message, offset) => ({ index: start + offset, message, reason: '' }));
      for (let attempt = 1; attempt <= maxSendAttempts && waiting.length > 0; attempt += 1) {
        waiting = waiting.flatMap((entry) => {
          const reason = this.#accept(entry.message, attempt, delayMs);
          return reason === null ? [] : [{ ...entry, reason }];
        });
      }
      failed.push(...waiting.map(({ index, reason }) => ({ index, reason })));
      if ((start + batchMessages) % messagesPerTurn === 0) await nextTurn();
    }
    return failed;
  }

  /**
   * Hands deliveries to `handler` until `stop`. While there is a consumer, messages that wait for their time keep the process alive.
   * @throws FanlakeError `usage` when there is a consumer already
   */
  consume(handler: BatchHandler<Message>, options: ConsumeOptions = {}): void {
    if (this.#consumer !== undefined) {
      throw new FanlakeError('usage', `can't consume the queue "${this.name}" twice: it has a consumer; stop that one first`);
    }
    const { concurrency = 1, batchSize = 1, batchWindowMs = 0, visibilityMs = Number.POSITIVE_INFINITY } = options;
    const required = { concurrency, batchSize, batchWindowMs, visibilityMs };
    this.#consumer = { handler, options: required, onceStopped: [], running: 0, stopping: false, windowOver: false };
    this.#states.keepAlive(true);
    this.#pump();
  }

  /** Hands out nothing more; resolves when the handlers under way have ended. The messages stay. */
  async stop(): Promise<void> {
    const consumer = this.#consumer;
    if (consumer === undefined) return;
    consumer.stopping = true;
    clearTimeout(consumer.window);
    this.#states.keepAlive(false);
    if (consumer.running > 0) await new Promise<void>((resolve) => consumer.onceStopped.push(resolve));
    if (this.#consumer === consumer) this.#consumer = undefined;
  }

  counts(): QueueCounts {
    return this.#states.counts();
  }

  /** Resolves when no message is left: none visible, in flight or delayed. */
  idle(): Promise<void> {
    return this.#states.idle();
  }

  #accept(message: Message, attempt: number, delayMs: number): string | null {
    const fault = this.#options.failSend?.(message, attempt) ?? null;
    if (fault !== null) return fault;
    const text: string | undefined = JSON.stringify(message);
    if (text === undefined) return 'the message is nothing that JSON can express';
    // a character is at most 3 bytes
    if (text.length * 3 > maxMessageBytes && Buffer.byteLength(text) > maxMessageBytes) {
      return `the message has ${Buffer.byteLength(text)} bytes, at most ${maxMessageBytes} are allowed`;
    }
    this.#states.add(text, delayMs);
    return null;
  }

  #pump(): void {
    if (this.#pumping || this.#consumer === undefined) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      if (this.#consumer !== undefined) this.#handOut(this.#consumer);
    });
  }

  #handOut(consumer: Consumer<Message>): void {
    const { concurrency, batchSize, batchWindowMs } = consumer.options;
    while (!consumer.stopping && consumer.running < concurrency && this.#states.visibleCount > 0) {
      if (this.#states.visibleCount < batchSize && batchWindowMs > 0 && !consumer.windowOver) {
        consumer.window ??= setTimeout(() => {
          consumer.windowOver = true;
          this.#pump();
        }, batchWindowMs);
        return;
      }
      clearTimeout(consumer.window);
      delete consumer.window;
      consumer.windowOver = false;
      void this.#handle(consumer, this.#receiveBatch(consumer.options));
    }
  }

  #receiveBatch({ batchSize, visibilityMs }: Required<ConsumeOptions>): readonly Receipt<Message>[] {
    const receipts: Receipt<Message>[] = [];
    while (receipts.length < batchSize) {
      const receipt = this.#states.receive(visibilityMs);
      if (receipt === undefined) break;
      receipts.push(receipt);
    }
    return receipts;
  }

  async #handle(consumer: Consumer<Message>, receipts: readonly Receipt<Message>[]): Promise<void> {
    consumer.running += 1;
    try {
      const failed = new Set(await consumer.handler(receipts.map(({ delivery }) => delivery)));
      const error: ErrorReport = { code: 'internal', message: 'its handler reported it as failed', details: {} };
      receipts.forEach((receipt, index) => {
        if (failed.has(index)) this.#fail(receipt, error);
        else receipt.acknowledge();
      });
    } catch (thrown) {
      const error = asFanlakeError(thrown).toReport();
      for (const receipt of receipts) this.#fail(receipt, error);
    } finally {
      consumer.running -= 1;
      if (consumer.running === 0 && consumer.stopping) for (const resolve of consumer.onceStopped) resolve();
      this.#pump();
    }
  }

  #fail(receipt: Receipt<Message>, error: ErrorReport): void {
    receipt.giveBack((this.#options.retryDelayMs ?? defaultRetryDelayMs)(receipt.delivery.receiveCount, error), error);
  }
}

function defaultRetryDelayMs(receiveCount: number, error: ErrorReport): number {
  if (error.code === 'task.died' || error.code === 'task.memory') return 0;
  return Math.min(200 * 2 ** (receiveCount - 1), 20_000);
}
