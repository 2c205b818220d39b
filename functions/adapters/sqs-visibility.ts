import { ChangeMessageVisibilityBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';

/** Entries of a batch: SQS, quotas of messages. */
const batchEntries = 10;
/** SQS: no message stays invisible longer than twelve hours. */
const longestS = 43_200;

/**
 * Sets how long received messages stay invisible to others, from now on.
 * @param receiptHandles of the messages
 * @throws the SDK's errors; what SQS refuses for single messages is left alone, since such a message is gone or another's by now
 */
export async function changeVisibility(client: SQSClient, queueUrl: string, receiptHandles: readonly string[], ms: number): Promise<void> {
  const seconds = Math.min(longestS, Math.max(0, Math.ceil(ms / 1000)));
  for (let start = 0; start < receiptHandles.length; start += batchEntries) {
    const Entries = receiptHandles
      .slice(start, start + batchEntries)
      .map((handle, index) => ({ Id: String(index), ReceiptHandle: handle, VisibilityTimeout: seconds }));
    await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries }));
  }
}
