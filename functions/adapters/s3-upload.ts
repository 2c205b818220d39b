import fs from 'node:fs';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { eachInParallel } from '../core/in-parallel.ts';
import type { ObjectBody } from '../core/ports.ts';

/** Above this an object goes up in parts. One request with 16 MiB is as fast as parts are, and costs a third. */
const wholeBytes = 16 << 20;
/** S3 takes at most 10,000 parts, of at least 5 MiB. */
const leastPartBytes = 8 << 20;
const mostParts = 10_000;
const parallelParts = 4;

/** Where an object goes, and under which condition. */
export interface UploadTarget {
  readonly client: S3Client;
  readonly bucket: string;
  readonly key: string;
  /** Kept with the object, so that its writer knows its own again. */
  readonly nonce: string;
  readonly condition: { readonly IfNoneMatch?: '*'; readonly IfMatch?: string };
}

export interface Uploaded {
  readonly etag: string;
  readonly versionId: string | undefined;
  readonly size: number;
}

/**
 * Stores a body: in one request, or a large file in parts of which nothing is left when it fails.
 * @throws the SDK's errors: 412 when the condition doesn't hold, 409 when another request for the key was under way
 */
export async function upload(target: UploadTarget, body: ObjectBody): Promise<Uploaded> {
  if (typeof body === 'object' && 'path' in body) {
    const { size } = fs.statSync(body.path);
    if (size > wholeBytes) return uploadParts(target, body.path, size);
    return uploadWhole(target, fs.readFileSync(body.path));
  }
  return uploadWhole(target, typeof body === 'string' ? Buffer.from(body) : body);
}

async function uploadWhole({ client, bucket, key, nonce, condition }: UploadTarget, body: Uint8Array): Promise<Uploaded> {
  const { ETag: etag = '', VersionId: versionId } = await client.send(
    new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, Metadata: { nonce }, ...condition }),
  );
  return { etag, versionId, size: body.length };
}

async function uploadParts(target: UploadTarget, path: string, size: number): Promise<Uploaded> {
  const { client, bucket, key, nonce, condition } = target;
  const place = { Bucket: bucket, Key: key };
  const { UploadId: id } = await client.send(new CreateMultipartUploadCommand({ ...place, Metadata: { nonce } }));
  const descriptor = fs.openSync(path, 'r');
  try {
    const partBytes = Math.max(leastPartBytes, Math.ceil(size / mostParts));
    const numbers = Array.from({ length: Math.ceil(size / partBytes) }, (_, index) => index + 1);
    const parts = await eachInParallel(numbers, parallelParts, async (number) => {
      const start = (number - 1) * partBytes;
      const bytes = Buffer.allocUnsafe(Math.min(partBytes, size - start));
      fs.readSync(descriptor, bytes, 0, bytes.length, start);
      const { ETag: etag } = await client.send(new UploadPartCommand({ ...place, UploadId: id, PartNumber: number, Body: bytes }));
      return { ETag: etag, PartNumber: number };
    });
    const { ETag: etag = '', VersionId: versionId } = await client.send(
      new CompleteMultipartUploadCommand({ ...place, UploadId: id, MultipartUpload: { Parts: [...parts] }, ...condition }),
    );
    return { etag, versionId, size };
  } catch (thrown) {
    // what can't be aborted now is expired by the bucket's rule for abandoned uploads
    await client.send(new AbortMultipartUploadCommand({ ...place, UploadId: id })).catch(() => {});
    throw thrown;
  } finally {
    fs.closeSync(descriptor);
  }
}
