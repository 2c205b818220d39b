import type { Job } from './job.ts';
import type { KeyVerdict } from './job-of-key.ts';
import type { LogFields } from './log-fields.ts';
import type { Request, RequestMessage } from './request.ts';
import { uploadRun } from './upload.ts';

/** The jobs that are deployed. */
export interface KnownJobs {
  readonly jobs: readonly Job[];
  readonly findJob: (key: string) => KeyVerdict;
}

/** What a request is about, for a line of the log: its key, and its run where that can be told without asking the store. */
export function aboutRequest({ jobs, findJob }: KnownJobs, request: Request): LogFields {
  switch (request.kind) {
    case 'run':
    case 'retry':
    case 'cancel':
      return { run: request.message.run, epoch: request.message.epoch };
    case 'upload': {
      const { job: name, object, epoch } = request.message;
      const job = jobs.find((known) => known.name === name);
      return { job: name, key: object.key, ...(job === undefined ? {} : { run: uploadRun({ job, object }), epoch }) };
    }
    case 'landed': {
      const { bucket, key, version, size } = request.object;
      const verdict = findJob(key);
      if (verdict.kind !== 'job') return { bucket, key };
      const { job } = verdict;
      const run = version === null || size === null ? {} : { run: uploadRun({ job, object: { key, version, size } }), epoch: 0 };
      return { bucket, key, job: job.name, ...run };
    }
    case 'passed over':
      return { what: request.what };
  }
}

/** The same for a whole message, where it asks for one thing; else how much it asks for. */
export function aboutRequests(known: KnownJobs, { requests }: RequestMessage): LogFields {
  const [request] = requests;
  return request !== undefined && requests.length === 1 ? aboutRequest(known, request) : { requests: requests.length };
}
