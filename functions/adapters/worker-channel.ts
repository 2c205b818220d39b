import { type ErrorReport, isErrorCode } from '../core/errors.ts';
import type { FailedSend } from '../core/ports.ts';

/** What a pool says to a worker process. */
export type ToWorker =
  | { readonly kind: 'begin'; readonly settings: Readonly<Record<string, string>> }
  | {
      readonly kind: 'task';
      readonly task: number;
      readonly body: unknown;
      readonly receiveCount: number;
      readonly lastError?: ErrorReport;
    }
  | { readonly kind: 'answer'; readonly request: number; readonly failed?: readonly FailedSend[]; readonly error?: string };

/** What a worker process says to its pool. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly task: number; readonly error?: ErrorReport }
  | {
      readonly kind: 'send';
      readonly request: number;
      readonly queue: string;
      readonly messages: readonly unknown[];
      readonly delayMs: number;
    }
  | { readonly kind: 'extend' | 'retryIn'; readonly request: number; readonly task: number; readonly ms: number };

const toWorkerKinds: readonly string[] = ['begin', 'task', 'answer'] satisfies readonly ToWorker['kind'][];
const fromWorkerKinds: readonly string[] = ['ready', 'done', 'send', 'extend', 'retryIn'] satisfies readonly FromWorker['kind'][];

/** A message of the pool; null for one that isn't (a library may use the channel too). Both ends are the same version of this code. */
export function decodeToWorker(message: unknown): ToWorker | null {
  return isOfKind(message, toWorkerKinds) ? (message as ToWorker) : null;
}

/** A message of a worker; null for one that isn't. */
export function decodeFromWorker(message: unknown): FromWorker | null {
  return isOfKind(message, fromWorkerKinds) ? (message as FromWorker) : null;
}

/** An error report that came through the channel; its code may be unknown to JSON's reader but not to ours. */
export function decodeReport(report: ErrorReport): ErrorReport {
  return isErrorCode(report.code) ? report : { ...report, code: 'internal' };
}

function isOfKind(message: unknown, kinds: readonly string[]): boolean {
  return (
    typeof message === 'object' && message !== null && 'kind' in message && typeof message.kind === 'string' && kinds.includes(message.kind)
  );
}
