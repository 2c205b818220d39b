import { type ErrorCode, FanlakeError } from '../core/errors.ts';
import type { ObjectVersion } from '../core/ports.ts';
import { isErrno } from './local-errors.ts';

/** The HTTP status of the SDK's error; 0 when there was no answer. */
export function statusOf(thrown: unknown): number {
  if (typeof thrown !== 'object' || thrown === null || !('$metadata' in thrown)) return 0;
  const { $metadata: metadata } = thrown as { readonly $metadata?: { readonly httpStatusCode?: number } };
  return metadata?.httpStatusCode ?? 0;
}

/** Whether S3 says that there is no such object (or version, or upload). */
export const isMissing = (thrown: unknown): boolean => statusOf(thrown) === 404 && nameOf(thrown) !== 'NoSuchBucket';

/** Whether a condition of the request didn't hold. */
export const isRefused = (thrown: unknown): boolean => statusOf(thrown) === 412;

/** Whether another conditional request for the key was under way: to be tried again. */
export const isConcurrent = (thrown: unknown): boolean => statusOf(thrown) === 409;

/** Whether a range begins behind the object's end. */
export const isOutOfRange = (thrown: unknown): boolean => statusOf(thrown) === 416;

function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : '';
}

interface Meaning {
  readonly code: ErrorCode;
  readonly advice: string;
}

/** What was going on: reading a pinned object is reading an input; everything else is about what we keep ourselves. */
export type Doing = 'input' | 'read' | 'write';

function meaningOf(thrown: unknown, doing: Doing): Meaning {
  const name = nameOf(thrown);
  if (name === 'NoSuchBucket') return { code: 'store.denied', advice: 'the bucket is not there: is the stack deployed in this region?' };
  if (name === 'CredentialsProviderError' || name === 'ExpiredToken' || name === 'InvalidAccessKeyId' || name === 'SignatureDoesNotMatch') {
    return { code: 'store.denied', advice: 'AWS takes no credentials of yours: sign in again (aws sso login, or AWS_PROFILE)' };
  }
  if (name === 'PermanentRedirect' || statusOf(thrown) === 301)
    return { code: 'store.denied', advice: 'the bucket is in another region: set AWS_REGION to it' };
  if (name === 'InvalidObjectState') {
    const advice = 'it is archived, so S3 gives none of it: restore it (aws s3api restore-object), and then run or retry';
    return { code: doing === 'input' ? 'input.denied' : 'store.denied', advice };
  }
  if (name === 'RequestTimeTooSkewed') {
    return { code: 'store.denied', advice: 'the clock of this machine is more than 15 minutes wrong: set it' };
  }
  if (statusOf(thrown) === 403)
    return {
      code: doing === 'input' ? 'input.denied' : 'store.denied',
      advice: 'the role or key in use may not do that: see docs/security.md',
    };
  if (name === 'KeyTooLongError') return { code: 'store.name', advice: 'a key has at most 1,024 bytes: choose shorter names' };
  if (isUnanswered(thrown))
    return { code: 'store.failed', advice: `S3 doesn't answer: is the network there, and AWS_REGION right? ${again}` };
  return { code: 'store.failed', advice: `this may pass: ${again}` };
}

const again = 'functions try again by themselves; type a command again';

const networkErrors = [
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
];

/** Whether the question or its answer got lost on the way. */
const isUnanswered = (thrown: unknown): boolean =>
  statusOf(thrown) === 0 && (isErrno(thrown, ...networkErrors) || nameOf(thrown) === 'TimeoutError');

/**
 * The SDK's error as ours.
 * @param attempt what was tried, as in "can't <attempt>" @param where the object as an s3 URL
 */
export function s3Error(thrown: unknown, doing: Doing, attempt: string, where: string): FanlakeError {
  if (thrown instanceof FanlakeError) return thrown;
  const { code, advice } = meaningOf(thrown, doing);
  const found = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return new FanlakeError(code, `can't ${attempt} (${where}): ${found}; ${advice}`, { where, status: statusOf(thrown) }, thrown);
}

/**
 * What reading a pinned version met, in our words where the object isn't that any more; else what was thrown.
 * @param where the object as an s3 URL
 */
export function changedOrGone(object: ObjectVersion, thrown: unknown, where: string): unknown {
  const { key } = object;
  if (isMissing(thrown)) {
    return new FanlakeError(
      'input.gone',
      `can't read "${key}" (${where}): it is gone since the run was planned; upload it again`,
      { key },
      thrown,
    );
  }
  if (!isRefused(thrown)) return thrown;
  const message = `can't read "${key}" (${where}): it was overwritten since the run was planned; its new content is another upload`;
  return new FanlakeError('input.changed', message, { key, planned: object.version }, thrown);
}
