import type { SQSEvent } from 'aws-lambda';

/** Whether a function was called with messages of a queue. */
export function isBatch(event: unknown): event is SQSEvent {
  const { Records: records } = (event ?? {}) as { readonly Records?: readonly { readonly eventSource?: string }[] };
  return Array.isArray(records) && records[0]?.eventSource === 'aws:sqs';
}
