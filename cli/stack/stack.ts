import { makeS3Client } from '../../functions/adapters/s3-client.ts';
import { S3Store } from '../../functions/adapters/s3-store.ts';
import { makeSqsClient } from '../../functions/adapters/sqs-client.ts';
import { SqsQueue } from '../../functions/adapters/sqs-queue.ts';
import { readStackOutputs } from '../../functions/adapters/stack-outputs.ts';
import { systemClock, systemNonces } from '../../functions/adapters/system-clock.ts';
import type { Queue } from '../../functions/core/ports.ts';
import type { CancelMessage, RetryMessage, RunMessage } from '../../functions/core/task.ts';
import type { RunContext } from '../../functions/protocol/context.ts';
import type { Place } from '../store/place.ts';

/** A deployed stack, as a command acts on it. */
export interface Stack extends Place {
  /** Its name. */
  readonly stack: string;
  readonly landingBucket: string;
  /** Bytes of input that a task aims at there. */
  readonly splitBytes: number;
  readonly context: RunContext;
  /** Where a run is asked for, to be taken up again, or cancelled before it is planned. */
  readonly requests: Queue<RunMessage | RetryMessage | CancelMessage>;
}

/** A stack, as far as it is needed for asking it for something; waiting for the answer is another matter. */
export type Asking = Pick<Stack, 'stores' | 'context' | 'requests'>;

/**
 * A deployed stack, found by its outputs. Region and credentials are the environment's, as for every AWS tool.
 * @throws FanlakeError `stack.*`
 */
export async function openStack(name: string): Promise<Stack> {
  const { landingBucket, workBucket, lakeBucket, splitBytes, ...queues } = await readStackOutputs(name);
  const s3 = makeS3Client();
  const sqs = makeSqsClient();
  const store = (bucket: string, versioned: boolean) => new S3Store({ client: s3, bucket, nonces: systemNonces, versioned });
  const queue = <Message>(url: string) => new SqsQueue<Message>({ client: sqs, url });
  // only uploads come in versions that matter
  const stores = { landing: store(landingBucket, true), work: store(workBucket, false), lake: store(lakeBucket, false) };
  return {
    name: `the stack '${name}'`,
    stack: name,
    stores,
    landingBucket,
    splitBytes,
    context: {
      stores,
      tasks: queue(queues.tasksQueue),
      merges: queue(queues.mergesQueue),
      commits: queue(queues.commitsQueue),
      monitor: queue(queues.monitorQueue),
      clock: systemClock,
      nonces: systemNonces,
      // the stack's own functions do: whoever finds the outcome there announces it
      announce: null,
    },
    requests: queue(queues.requestsQueue),
  };
}
