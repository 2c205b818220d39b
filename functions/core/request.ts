import * as z from 'zod';
import { s3Version } from './object-version.ts';
import type { CancelMessage, RetryMessage, RunMessage, UploadMessage } from './task.ts';

/** An object that landed, as an event tells of it. What an event leaves out is null, and to be looked up. */
export interface LandedObject {
  readonly bucket: string;
  readonly key: string;
  readonly version: string | null;
  /** In bytes. */
  readonly size: number | null;
}

/** What a message to the coordinator asks for. */
export type Request =
  | { readonly kind: 'landed'; readonly object: LandedObject }
  | { readonly kind: 'upload'; readonly message: UploadMessage }
  | { readonly kind: 'run'; readonly message: RunMessage }
  | { readonly kind: 'retry'; readonly message: RetryMessage }
  | { readonly kind: 'cancel'; readonly message: CancelMessage }
  /** Nothing to load, and no mistake: `what` happened. */
  | { readonly kind: 'passed over'; readonly why: PassedOver; readonly what: string };

type PassedOver = 'test' | 'not created' | 'foreign' | 'empty';

/** A message to the coordinator: all that it asks for, or why it can't be understood. */
export interface RequestMessage {
  readonly requests: readonly Request[];
  /** Null when everything was understood. */
  readonly malformed: string | null;
  /** How often it has come to a dead-letter queue and was sent again from there. */
  readonly deaths: number;
}

/**
 * A dead request that is sent again.
 * @param body of the message that came to the dead-letter queue
 */
export function requestAgain(body: string, deaths: number): string {
  return JSON.stringify({ kind: 'again', deaths, body });
}

const again = z.object({ kind: z.literal('again'), deaths: z.int().min(1), body: z.string() });

const upload = z.object({
  kind: z.literal('upload'),
  job: z.string(),
  object: z.object({ key: z.string(), version: z.string(), size: z.number() }),
  epoch: z.int().min(0),
});

const run = z.object({ kind: z.literal('run'), run: z.string(), epoch: z.int().min(0), request: z.string() });

const retry = z.object({
  kind: z.literal('retry'),
  run: z.string(),
  epoch: z.int().min(0),
  table: z.string().min(1),
  request: z.string().nullable(),
});

const cancel = z.object({ kind: z.literal('cancel'), run: z.string(), epoch: z.int().min(0), table: z.string().min(1) });

/** Amazon S3 User Guide, Event message structure: names that begin with ObjectCreated tell of a new object or version. */
const s3Record = z.object({
  eventSource: z.literal('aws:s3'),
  eventName: z.string(),
  s3: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({
      key: z.string().min(1),
      size: z.number().optional(),
      eTag: z.string().optional(),
      versionId: z.string().optional(),
    }),
  }),
});

/** Amazon S3 User Guide, EventBridge event message structure: here keys are not encoded. */
const eventBridge = z.object({
  'source': z.string(),
  'detail-type': z.string(),
  'detail': z.unknown(),
});

const objectCreated = z.object({
  bucket: z.object({ name: z.string() }),
  object: z.object({
    'key': z.string().min(1),
    'size': z.number().optional(),
    'etag': z.string().optional(),
    'version-id': z.string().optional(),
  }),
});

const testEvent = z.object({ Service: z.literal('Amazon S3'), Event: z.literal('s3:TestEvent') });
const snsMessage = z.object({ Type: z.literal('Notification'), Message: z.string() });
const snsRecord = z.object({ EventSource: z.literal('aws:sns'), Sns: z.object({ Message: z.string() }) });
const records = z.object({ Records: z.array(z.unknown()) });
const anyRecord = z.union([z.object({ eventSource: z.string() }), z.object({ EventSource: z.string() })]);

const malformed = (why: string): RequestMessage => ({ requests: [], malformed: why, deaths: 0 });
const asking = (request: Request): RequestMessage => ({ requests: [request], malformed: null, deaths: 0 });
const passedOver = (why: PassedOver, what: string): RequestMessage => asking({ kind: 'passed over', why, what });

/** Layers of wrapping (SNS, a dead letter sent again) that a message may have. */
const maxDepth = 4;

/**
 * What the text of a message to the coordinator asks for: events of S3 (as S3 sends them, wrapped by SNS, or from EventBridge), uploads to be planned again,
 * runs that a command asks for, takes up again or cancels.
 */
export function readRequest(body: string, depth = 0): RequestMessage {
  if (depth > maxDepth) return malformed('it is wrapped too often');
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return malformed('it is not JSON');
  }
  return readEvent(value, depth);
}

/** The same for an event that a function is called with directly. */
export function readEvent(value: unknown, depth = 0): RequestMessage {
  const resent = again.safeParse(value);
  if (resent.success) return { ...readRequest(resent.data.body, depth + 1), deaths: resent.data.deaths };
  const wrapped = snsMessage.safeParse(value);
  if (wrapped.success) return readRequest(wrapped.data.Message, depth + 1);
  const planAgain = upload.safeParse(value);
  if (planAgain.success) return asking({ kind: 'upload', message: planAgain.data });
  const runRequest = run.safeParse(value);
  if (runRequest.success) return asking({ kind: 'run', message: runRequest.data });
  const takenUp = retry.safeParse(value);
  if (takenUp.success) return asking({ kind: 'retry', message: takenUp.data });
  const cancelled = cancel.safeParse(value);
  if (cancelled.success) return asking({ kind: 'cancel', message: cancelled.data });
  if (testEvent.safeParse(value).success) return passedOver('test', 's3:TestEvent');
  const event = eventBridge.safeParse(value);
  if (event.success) return readEventBridge(event.data);
  const list = records.safeParse(value);
  if (!list.success) return malformed('it is no event of S3, SNS or EventBridge, and no message of Fanlake');
  return joined(list.data.Records.map((record) => readRecord(record, depth)));
}

/** What a message asks for, as messages that ask for one thing each, or can't be understood: what holds up the others is then told apart. */
export function splitRequest(body: string): readonly string[] {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return [body];
  }
  const resent = again.safeParse(value);
  if (resent.success) return splitRequest(resent.data.body);
  const wrapped = snsMessage.safeParse(value);
  if (wrapped.success) return splitRequest(wrapped.data.Message);
  const list = records.safeParse(value);
  if (!list.success) return [body];
  return list.data.Records.flatMap((record) => {
    const sns = snsRecord.safeParse(record);
    return sns.success ? splitRequest(sns.data.Sns.Message) : [JSON.stringify({ Records: [record] })];
  });
}

/** One message with what several ask for: if one of them can't be understood the message can't, but the others are not held up by it. */
function joined(parts: readonly RequestMessage[]): RequestMessage {
  if (parts.length === 0) return passedOver('empty', 'a message without a record');
  const wrong = parts.map((part) => part.malformed).filter((why) => why !== null);
  return { requests: parts.flatMap(({ requests }) => requests), malformed: wrong.length === 0 ? null : wrong.join('; '), deaths: 0 };
}

function readRecord(record: unknown, depth: number): RequestMessage {
  const sns = snsRecord.safeParse(record);
  if (sns.success) return readRequest(sns.data.Sns.Message, depth + 1);
  const found = s3Record.safeParse(record);
  if (found.success) {
    const { eventName, s3 } = found.data;
    const key = decodeKey(s3.object.key);
    if (key === null) return malformed('a key of it is not URL-encoded UTF-8');
    if (!eventName.startsWith('ObjectCreated')) return passedOver('not created', `${eventName} of ${key}`);
    const { size, eTag, versionId } = s3.object;
    return landed(s3.bucket.name, key, size, eTag, versionId);
  }
  const other = anyRecord.safeParse(record);
  if (!other.success) return malformed('a record of it names no source');
  const source = 'eventSource' in other.data ? other.data.eventSource : other.data.EventSource;
  return source === 'aws:s3'
    ? malformed('a record of S3 has no bucket, key or event name')
    : passedOver('foreign', `a record of ${source}`);
}

function readEventBridge({ source, detail, 'detail-type': type }: z.output<typeof eventBridge>): RequestMessage {
  if (source !== 'aws.s3') return passedOver('foreign', `an event '${type}' of ${source}`);
  if (type !== 'Object Created') return passedOver('not created', `an event '${type}'`);
  const found = objectCreated.safeParse(detail);
  if (!found.success) return malformed('an event of S3 has no bucket or key');
  const { bucket, object } = found.data;
  return landed(bucket.name, object.key, object.size, object.etag, object['version-id']);
}

function landed(bucket: string, key: string, size = -1, etag = '', versionId = ''): RequestMessage {
  const version = s3Version(versionId, etag);
  return asking({ kind: 'landed', object: { bucket, key, version: version === '' ? null : version, size: size < 0 ? null : size } });
}

/** Keys in S3's own events are URL-encoded as in a form: a space is a plus. */
function decodeKey(encoded: string): string | null {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    return null;
  }
}
