import type { S3Client } from '@aws-sdk/client-s3';

/**
 * Has S3 refuse each request of a client about one of these buckets that isn't the account's: names are the world's, and one that was given up may be taken by
 * somebody else, who would be sent our rows.
 * @returns the same client
 */
export function expectOwner(client: S3Client, account: string, buckets: readonly string[]): S3Client {
  client.middlewareStack.add(
    (next) => (request) => {
      const { Bucket: bucket } = request.input as { readonly Bucket?: string };
      const isOurs = bucket !== undefined && buckets.includes(bucket);
      return next(isOurs ? { ...request, input: { ...request.input, ExpectedBucketOwner: account } } : request);
    },
    { step: 'initialize', name: 'expectOwner' },
  );
  return client;
}
