import { SQSClient } from '@aws-sdk/client-sqs';
import { awsEndpoint, awsRegion, httpSettings } from './aws-http.ts';

export type SqsClient = SQSClient;

/** The SQS client of a process; see `makeS3Client`. */
export function makeSqsClient(environment: NodeJS.ProcessEnv = process.env): SQSClient {
  const endpoint = awsEndpoint(environment, 'SQS');
  return new SQSClient({ ...httpSettings(endpoint), ...awsRegion(environment) });
}
