import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { makeS3Client } from '../../functions/adapters/s3-client.ts';
import { S3Store } from '../../functions/adapters/s3-store.ts';
import { systemNonces } from '../../functions/adapters/system-clock.ts';
import { onEmulator } from './emulator.ts';
import { objectStoreContract } from './object-store.ts';

const client = makeS3Client();
let buckets = 0;

onEmulator('S3Store', () => {
  objectStoreContract('S3Store', async () => {
    const bucket = `contract-${process.pid}-${buckets++}`;
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'fanlake-s3-'));
    return {
      store: new S3Store({ client, bucket, nonces: systemNonces }),
      scratch,
      dispose: async () => fs.rmSync(scratch, { recursive: true, force: true }),
    };
  });
});
