import type { ErrorReport } from '../core/errors.ts';
import type { Delivery } from '../core/ports.ts';
import { DueTimes } from './due-times.ts';
import { Fifo } from './fifo.ts';

const maxTimerMs = 2 ** 31 - 1;

export interface LocalDelivery<Message> extends Delivery<Message> {
  /** How the last receipt of this message failed; for a dead letter, why it is one. */
  readonly lastError?: ErrorReport;
  /** Gives it back at once as if it had not been received: for a consumer that ends. */
  release(): Promise<void>;
}

export interface QueueCounts {
  readonly visible: number;
  readonly inFlight: number;
  /** Invisible for a time: sent with a delay, or given back with one. */
  readonly delayed: number;
}

interface Entry {
  readonly text: string;
  receiveCount: number;
  state: 'visible' | 'inFlight' | 'delayed' | 'gone';
  /** Tells the newest receipt from earlier ones, whose acknowledgement no longer counts. */
  receipt: number;
  dueMs: number;
  lastError?: ErrorReport;
}

/** One receipt of a message: it is acknowledged or given back once; afterwards, and once its time is over, both do nothing. */
export interface Receipt<Message> {
  readonly delivery: LocalDelivery<Message>;
  acknowledge(): void;
  giveBack(delayMs: number, error: ErrorReport): void;
}

export interface MessageStatesOptions {
  /** Messages received this often are buried instead of becoming visible again. */
  readonly maxReceives: number;
  readonly bury: (text: string, lastError: ErrorReport | undefined) => void;
  /** Called whenever a message became visible. */
  readonly onVisible: () => void;
}

/** What a queue in memory knows of its messages: which are visible, in flight or delayed, and until when. */
export class MessageStates<Message> {
  readonly #options: MessageStatesOptions;
  readonly #visible = new Fifo<Entry>();
  readonly #due = new DueTimes<Entry>();
  #timer: NodeJS.Timeout | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;
  #keepsAlive = false;
  #receipts = 0;
  #inFlight = 0;
  #delayed = 0;
  #idleWaiters: (() => void)[] = [];

  constructor(options: MessageStatesOptions) {
    this.#options = options;
  }

  get visibleCount(): number {
    return this.#visible.size;
  }

  counts(): QueueCounts {
    return { visible: this.#visible.size, inFlight: this.#inFlight, delayed: this.#delayed };
  }

  /** Resolves when no message is left. */
  async idle(): Promise<void> {
    if (this.#visible.size + this.#inFlight + this.#delayed === 0) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Whether messages that wait for their time keep the process alive. */
  keepAlive(keepsAlive: boolean): void {
    this.#keepsAlive = keepsAlive;
    if (keepsAlive) this.#timer?.ref();
    else this.#timer?.unref();
  }

  add(text: string, delayMs: number, lastError?: ErrorReport): void {
    const entry: Entry = { text, receiveCount: 0, state: 'delayed', receipt: 0, dueMs: 0 };
    if (lastError !== undefined) entry.lastError = lastError;
    this.#delay(entry, delayMs);
  }

  /** The next message, invisible from now on for `visibilityMs` (which may be infinite). */
  receive(visibilityMs: number): Receipt<Message> | undefined {
    const entry = this.#visible.shift();
    if (entry === undefined) return undefined;
    this.#receipts += 1;
    this.#inFlight += 1;
    const receipt = this.#receipts;
    entry.receiveCount += 1;
    entry.state = 'inFlight';
    entry.receipt = receipt;
    this.#schedule(entry, visibilityMs);
    return {
      delivery: this.#deliveryOf(entry, receipt),
      acknowledge: () => this.#acknowledge(entry, receipt),
      giveBack: (delayMs, error) => this.#giveBack(entry, receipt, delayMs, error),
    };
  }

  #deliveryOf(entry: Entry, receipt: number): LocalDelivery<Message> {
    return {
      body: JSON.parse(entry.text) as Message,
      receiveCount: entry.receiveCount,
      ...(entry.lastError === undefined ? {} : { lastError: entry.lastError }),
      extend: async (ms) => {
        if (entry.receipt === receipt && performance.now() + ms > entry.dueMs) this.#schedule(entry, ms);
      },
      retryIn: async (ms) => this.#giveBack(entry, receipt, ms),
      release: async () => {
        if (entry.receipt === receipt) entry.receiveCount -= 1;
        this.#giveBack(entry, receipt, 0);
      },
    };
  }

  #acknowledge(entry: Entry, receipt: number): void {
    if (entry.receipt !== receipt) return;
    entry.receipt = 0;
    entry.state = 'gone';
    this.#inFlight -= 1;
    this.#checkIdle();
  }

  #giveBack(entry: Entry, receipt: number, delayMs: number, error?: ErrorReport): void {
    if (entry.receipt !== receipt) return;
    entry.receipt = 0;
    if (error !== undefined) entry.lastError = error;
    this.#inFlight -= 1;
    this.#delay(entry, delayMs);
  }

  #delay(entry: Entry, delayMs: number): void {
    this.#delayed += 1;
    entry.state = 'delayed';
    if (delayMs > 0) this.#schedule(entry, delayMs);
    else this.#surface(entry);
  }

  /** What was delayed becomes visible, or is buried. */
  #surface(entry: Entry): void {
    this.#delayed -= 1;
    if (entry.receiveCount >= this.#options.maxReceives) {
      entry.state = 'gone';
      this.#options.bury(entry.text, entry.lastError);
      this.#checkIdle();
      return;
    }
    entry.state = 'visible';
    this.#visible.push(entry);
    this.#options.onVisible();
  }

  #schedule(entry: Entry, delayMs: number): void {
    entry.dueMs = performance.now() + delayMs;
    if (!Number.isFinite(entry.dueMs)) return;
    this.#due.add(entry.dueMs, entry);
    this.#setTimer();
  }

  #setTimer(): void {
    const nextMs = this.#due.nextMs;
    if (nextMs === undefined || nextMs >= this.#timerDueMs) return;
    clearTimeout(this.#timer);
    this.#timerDueMs = nextMs;
    this.#timer = setTimeout(() => this.#onTimer(), Math.min(Math.max(nextMs - performance.now(), 0), maxTimerMs));
    if (!this.#keepsAlive) this.#timer.unref();
  }

  #onTimer(): void {
    this.#timerDueMs = Number.POSITIVE_INFINITY;
    const nowMs = performance.now();
    for (let entry = this.#due.takeDue(nowMs); entry !== undefined; entry = this.#due.takeDue(nowMs)) {
      // its time was put off since
      if (entry.dueMs > nowMs) continue;
      if (entry.state === 'delayed') this.#surface(entry);
      if (entry.state === 'inFlight') {
        const message = 'its handler neither finished nor extended it within the visibility timeout';
        this.#giveBack(entry, entry.receipt, 0, { code: 'internal', message, details: {} });
      }
    }
    this.#setTimer();
  }

  #checkIdle(): void {
    if (this.#visible.size + this.#inFlight + this.#delayed > 0) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }
}
