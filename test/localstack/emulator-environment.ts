/** Before each test file of a project with an emulator: AWS clients that know nothing else find it, and no real account, in the environment. */
import { emulator } from './emulator.ts';

Object.assign(process.env, {
  AWS_ENDPOINT_URL: emulator.endpoint,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_EC2_METADATA_DISABLED: 'true',
});
