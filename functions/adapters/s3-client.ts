import { S3Client } from '@aws-sdk/client-s3';
import { awsEndpoint, awsRegion, httpSettings } from './aws-http.ts';

/**
 * The S3 client of a process. Region, credentials and endpoint come from the environment as for every AWS tool. Behind an endpoint of one's own (an
 * emulator) buckets are paths, and checksums are only sent where S3 wants them.
 */
export function makeS3Client(environment: NodeJS.ProcessEnv = process.env): S3Client {
  const endpoint = awsEndpoint(environment, 'S3');
  const emulated = {
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  } as const;
  return new S3Client({ ...httpSettings(endpoint), ...awsRegion(environment), ...(endpoint === undefined ? {} : emulated) });
}
