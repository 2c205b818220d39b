import { FanlakeError } from '../core/errors.ts';
import { statusOf } from './s3-errors.ts';

/** What the SDK and AWS say of credentials that are missing, expired or nobody's. */
const credentialErrors = new Set([
  'CredentialsProviderError',
  'TokenProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'UnrecognizedClientException',
  'SignatureDoesNotMatch',
  'RequestExpired',
]);

/**
 * What went wrong when a stack was looked for, as a sentence that says what to do.
 * @param region that was asked, or '(none)'
 */
export function stackError(thrown: unknown, name: string, region: string): FanlakeError {
  const found = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  const failed = (advice: string) =>
    new FanlakeError('stack.denied', `Looking for the stack '${name}' failed: ${advice} (${found})`, { stack: name, region }, thrown);
  const kind = thrown instanceof Error ? thrown.name : '';
  if (/region (?:is missing|not accepted)/i.test(found))
    return failed('no region is set. Set AWS_REGION, or AWS_PROFILE to a profile that has one.');
  if (credentialErrors.has(kind)) {
    return failed('AWS takes no credentials of yours. Sign in again (aws sso login), or set AWS_PROFILE, or the keys in the environment.');
  }
  if (statusOf(thrown) === 403 || kind.startsWith('AccessDenied')) {
    return failed('you may not look at it. Ask for cloudformation:DescribeStacks on it (docs/security.md lists what the commands need).');
  }
  if (statusOf(thrown) === 0) {
    return failed(
      `CloudFormation in region ${region} doesn't answer. Is AWS_REGION a region, AWS_ENDPOINT_URL (if set) right, and the network there?`,
    );
  }
  return failed('CloudFormation refused the question.');
}
