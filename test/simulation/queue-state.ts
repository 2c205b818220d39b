/** Amazon SQS Developer Guide, Quotas: the maximum message size is 1 MiB. */
const mostBytes = 1 << 20;

/** A message in a queue. */
export interface QueuedMessage {
  readonly id: number;
  readonly body: string;
  readonly sentMs: number;
  /** Nobody receives it before. */
  visibleMs: number;
  receives: number;
  /** Deliveries that no fault touched. */
  undisturbed: number;
}

/**
 * A standard queue as SQS promises it: unordered, at least once, invisible for a time after each receive, given up to the dead letters after so many
 * receives (Amazon SQS Developer Guide, Visibility timeout; Dead-letter queues). Who receives what and when is the scheduler's choice.
 */
export class QueueState {
  readonly messages = new Map<number, QueuedMessage>();
  readonly maxReceives: number;
  /** Where messages go that were received too often; null: they stay. */
  readonly dead: QueueState | null;

  constructor(maxReceives: number, dead: QueueState | null) {
    this.maxReceives = maxReceives;
    this.dead = dead;
  }

  /** @returns why it can't be sent; null when it was */
  send(id: number, body: string, nowMs: number, delayMs: number): string | null {
    if (Buffer.byteLength(body) > mostBytes) return `a message has at most ${mostBytes} bytes`;
    this.messages.set(id, { id, body, sentMs: nowMs, visibleMs: nowMs + delayMs, receives: 0, undisturbed: 0 });
    return null;
  }

  visible(nowMs: number): readonly QueuedMessage[] {
    return [...this.messages.values()].filter(({ visibleMs }) => visibleMs <= nowMs);
  }

  /** When the next message becomes visible; null when none will. */
  nextMs(nowMs: number): number | null {
    let next: number | null = null;
    for (const { visibleMs } of this.messages.values()) if (visibleMs > nowMs && (next === null || visibleMs < next)) next = visibleMs;
    return next;
  }

  /**
   * Receives a message: it is invisible for `visibilityMs`.
   * @returns null when it had been received too often: then it is a dead letter now
   */
  receive(message: QueuedMessage, nowMs: number, visibilityMs: number): QueuedMessage | null {
    if (message.receives >= this.maxReceives && this.dead !== null) {
      this.messages.delete(message.id);
      // a redriven message keeps the time when it was sent, and counts its receives anew
      this.dead.messages.set(message.id, { ...message, visibleMs: nowMs, receives: 0, undisturbed: message.undisturbed });
      return null;
    }
    message.receives += 1;
    message.visibleMs = nowMs + visibilityMs;
    return message;
  }

  delete(id: number): void {
    this.messages.delete(id);
  }
}
