import { FanlakeError } from '../core/errors.ts';
import { statusOf } from './s3-errors.ts';

/** What AWS says of credentials that were good once. */
const expiredErrors = new Set(['ExpiredToken', 'ExpiredTokenException', 'RequestExpired']);

/** What AWS says of credentials that it doesn't know. */
const refusedErrors = new Set(['InvalidClientTokenId', 'InvalidAccessKeyId', 'UnrecognizedClientException', 'SignatureDoesNotMatch']);

/** What the SDK says when it has none to send. */
const missingErrors = new Set(['CredentialsProviderError', 'TokenProviderError']);

/** What to do about credentials, or null when it is something else. The SDK has one error for a profile that isn't there, one without credentials, and none at all. */
function credentialAdvice(kind: string, found: string, profile: string | undefined): string | null {
  const otherwise = 'sign in (aws sso login, aws login), set AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY';
  if (expiredErrors.has(kind)) return 'your credentials have expired. Sign in again (aws sso login), or set new ones.';
  if (refusedErrors.has(kind))
    return `AWS doesn't know your credentials, or they are wrong. Look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ${otherwise}.`;
  if (!missingErrors.has(kind)) return null;
  if (!found.includes('from any providers')) return `your credentials can't be had. Sign in again (aws sso login).`;
  return profile === undefined
    ? `no AWS credentials were found. To have some: ${otherwise}.`
    : `no AWS credentials were found: there is no profile '${profile}', or it has none. Look at AWS_PROFILE (aws configure list-profiles), or sign in to it.`;
}

/** What to do about the region, or null when it is something else. */
function regionAdvice(found: string, profile: string | undefined): string | null {
  const [problem, region = ''] = /region (?:is missing|not accepted(?:: region="([^"]*)")?)/i.exec(found) ?? [];
  if (problem === undefined) return null;
  if (region !== '') return `'${region}' can't be a region. Set AWS_REGION to one such as eu-central-1.`;
  return profile === undefined
    ? 'no region is set. Set AWS_REGION, or AWS_PROFILE to a profile that has one.'
    : `no region is set: there is no profile '${profile}', or it has none. Set AWS_REGION, or look at AWS_PROFILE (aws configure list-profiles).`;
}

/**
 * What went wrong when a stack was looked for, as a sentence that says what to do.
 * @param region that was asked, or '(none)' @param profile the environment's AWS_PROFILE
 */
export function stackError(thrown: unknown, name: string, region: string, profile: string | undefined): FanlakeError {
  const found = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  const failed = (advice: string) =>
    new FanlakeError('stack.denied', `Looking for the stack '${name}' failed: ${advice} (${found})`, { stack: name, region }, thrown);
  const kind = thrown instanceof Error ? thrown.name : '';
  const named = profile === '' ? undefined : profile;
  const advice = regionAdvice(found, named) ?? credentialAdvice(kind, found, named);
  if (advice !== null) return failed(advice);
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
