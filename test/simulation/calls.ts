/** What the code under test asks of its ports, as data: whoever answers a call decides when, whether, and with what fault. */
import type { ByteRange, ListOptions, ObjectVersion } from '../../functions/core/ports.ts';

export type RootName = 'landing' | 'work' | 'lake';

export const queueNames = ['requests', 'tasks', 'commits', 'monitor', 'merges'] as const;
/** The queues of work; each has another one for its dead letters. */
export type QueueName = (typeof queueNames)[number];
export type AnyQueueName = QueueName | `${QueueName}-dead` | 'undeliverable';

export type StoreCall = { readonly root: RootName } & (
  | { readonly kind: 'get'; readonly key: string; readonly range?: ByteRange }
  | { readonly kind: 'read' | 'stage'; readonly object: ObjectVersion; readonly range: ByteRange }
  | { readonly kind: 'head' | 'delete'; readonly key: string }
  | { readonly kind: 'put' | 'create'; readonly key: string; readonly body: Buffer }
  | { readonly kind: 'replace'; readonly key: string; readonly version: string; readonly body: Buffer }
  | { readonly kind: 'list' | 'listKeys'; readonly options: ListOptions }
  | { readonly kind: 'copy'; readonly from: string; readonly to: string }
);

export type Call =
  | StoreCall
  | { readonly kind: 'send'; readonly queue: AnyQueueName; readonly bodies: readonly string[]; readonly delayMs: number }
  | { readonly kind: 'announce'; readonly type: string; readonly detail: string }
  | { readonly kind: 'sleep'; readonly ms: number }
  /** Work on a task between staging and storing: where memory and time run out. */
  | { readonly kind: 'compute'; readonly task: number };

/** Answers calls. */
export interface Caller {
  call(call: Call): Promise<unknown>;
  /** Milliseconds since 1970, by the clock of the machine that asks. */
  now(): number;
  nonce(): string;
}

/** Calls that change nothing. */
export function isRead({ kind }: Call): boolean {
  return kind === 'get' || kind === 'read' || kind === 'stage' || kind === 'head' || kind === 'list' || kind === 'listKeys';
}

/** The store or queue that a call is a request to; null for what asks nobody. */
export function placeOf(call: Call): string | null {
  if (call.kind === 'send') return `queue ${call.queue}`;
  return 'root' in call ? call.root : null;
}

const shown = (text: string): string => (text.length > 120 ? `${text.slice(0, 117)}...` : text);

/** A call in one line, for a trace. */
export function describeCall(call: Call): string {
  switch (call.kind) {
    case 'send':
      return `send to ${call.queue}: ${call.bodies.map(shown).join(', ')}`;
    case 'announce':
      return `announce ${call.type}`;
    case 'sleep':
      return `sleep ${call.ms} ms`;
    case 'compute':
      return `compute task ${call.task}`;
    case 'read':
    case 'stage':
      return `${call.kind} ${call.root}/${call.object.key} [${call.range.start}, ${call.range.end})`;
    case 'list':
    case 'listKeys':
      return `${call.kind} ${call.root}/${call.options.prefix}${call.options.startAfter === undefined ? '' : ` behind ${call.options.startAfter}`}`;
    case 'copy':
      return `copy ${call.root}/${call.from} to ${call.to}`;
    case 'put':
    case 'create':
    case 'replace':
      return `${call.kind} ${call.root}/${call.key} (${shown(call.body.toString())})`;
    default:
      return `${call.kind} ${call.root}/${call.key}`;
  }
}
