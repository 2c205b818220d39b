import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { S3Store } from '../../functions/adapters/s3-store.ts';
import { systemNonces } from '../../functions/adapters/system-clock.ts';
import { runId } from '../../functions/core/run-id.ts';
import { writeRunRequest } from '../../functions/protocol/run-request.ts';
import type { Deployment, Outcome } from './deployment.ts';
import { testJobs } from './jobs.ts';

/**
 * Asks for a run as `fanlake run --stack` does: a stored request, and one message.
 * @param name of the job, whose table has no other run
 * @param key of its only object
 * @returns what to wait for the outcome with
 */
export async function requestRun(stack: Deployment, name: string, key: string, splitBytes: number): Promise<() => Promise<Outcome>> {
  const store = (output: 'LandingBucket' | 'WorkBucket') =>
    new S3Store({ client: stack.s3, bucket: stack.of(output), nonces: systemNonces });
  const object = await store('LandingBucket').head(key);
  const job = testJobs.find((known) => known.name === name);
  if (object === null || job === undefined) throw new Error(`no ${key}, or no job '${name}'`);
  const table = job.table.name;
  const run = runId({ job: name, table, objects: [object], again: 0 });
  const message = await writeRunRequest(store('WorkBucket'), { run, epoch: 0, job, table, objects: [object], splitBytes });
  await stack.sqs.send(new SendMessageCommand({ QueueUrl: stack.of('RequestsQueue'), MessageBody: JSON.stringify(message) }));
  return async () => {
    const [outcome] = await stack.outcomes(table, 1, 900_000);
    if (outcome === undefined) throw new Error('the run has no outcome');
    return outcome;
  };
}
