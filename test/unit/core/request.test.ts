import { describe, expect, it } from 'vitest';
import { readEvent, readRequest, requestAgain } from '../../../functions/core/request.ts';

/** A record as the Amazon S3 User Guide shows it, with what a versioned bucket adds. */
const record = (key: string, eventName = 'ObjectCreated:Put') => ({
  eventVersion: '2.1',
  eventSource: 'aws:s3',
  awsRegion: 'eu-west-1',
  eventTime: '2026-11-22T10:00:00.000Z',
  eventName,
  s3: {
    s3SchemaVersion: '1.0',
    bucket: { name: 'landing', arn: 'arn:aws:s3:::landing' },
    object: { key, size: 12, eTag: 'd41d8cd98f00b204e9800998ecf8427e', versionId: 'abc', sequencer: '0055AED6DCD90281E5' },
  },
});

const landed = (key: string, version: string | null = 'version-id:abc', size: number | null = 12) => ({
  kind: 'landed',
  object: { bucket: 'landing', key, version, size },
});

const text = (value: unknown): string => JSON.stringify(value);

describe('an event of S3', () => {
  it('asks for the version that landed, whichever way it came', () => {
    const s3 = { Records: [record('a/b.csv')] };
    const sns = { Type: 'Notification', MessageId: '1', TopicArn: 'arn', Message: text(s3) };
    const toFunction = { Records: [{ EventSource: 'aws:sns', EventVersion: '1.0', Sns: { Message: text(s3) } }] };
    const bridge = {
      'version': '0',
      'source': 'aws.s3',
      'detail-type': 'Object Created',
      'detail': { bucket: { name: 'landing' }, object: { 'key': 'a/b.csv', 'size': 12, 'etag': 'd41d', 'version-id': 'abc' } },
    };
    for (const event of [s3, sns, toFunction, bridge]) {
      expect(readRequest(text(event))).toEqual({ requests: [landed('a/b.csv')], malformed: null, deaths: 0 });
      expect(readEvent(event)).toEqual(readRequest(text(event)));
    }
  });

  it.each([
    ['a+b.csv', 'a b.csv'],
    ['a%2Bb.csv', 'a+b.csv'],
    ['100%25.csv', '100%.csv'],
    ['%C3%A9t%C3%A9/%E6%97%A5.csv', 'été/日.csv'],
    ['a%2Fb', 'a/b'],
  ])('has its key %s decoded to %s', (encoded, key) => {
    expect(readRequest(text({ Records: [record(encoded)] })).requests).toEqual([landed(key)]);
  });

  it('of EventBridge has its key as it is', () => {
    const detail = { bucket: { name: 'landing' }, object: { 'key': 'a+b%20c.csv', 'size': 12, 'etag': 'x', 'version-id': 'abc' } };
    const event = { 'source': 'aws.s3', 'detail-type': 'Object Created', detail };
    expect(readEvent(event).requests).toEqual([landed('a+b%20c.csv')]);
  });

  it('has the etag for a version in a bucket without versions, as S3 itself writes it', () => {
    const { versionId: _versionId, ...object } = record('a').s3.object;
    const unversioned = { ...record('a'), s3: { ...record('a').s3, object } };
    expect(readEvent({ Records: [unversioned] }).requests).toEqual([landed('a', '"d41d8cd98f00b204e9800998ecf8427e"')]);
  });

  it('that leaves version or size out leaves them to be looked up', () => {
    const bare = { eventSource: 'aws:s3', eventName: 'ObjectCreated:Copy', s3: { bucket: { name: 'landing' }, object: { key: 'a' } } };
    expect(readEvent({ Records: [bare] }).requests).toEqual([landed('a', null, null)]);
  });

  it('asks for every record that it has', () => {
    const { requests } = readEvent({ Records: [record('a'), record('b', 'ObjectRemoved:Delete'), record('c')] });
    expect(requests).toEqual([landed('a'), { kind: 'passed over', why: 'not created', what: 'ObjectRemoved:Delete of b' }, landed('c')]);
  });
});

describe('what is no upload', () => {
  it.each([
    ['s3:TestEvent', { Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'landing' }, 'test'],
    ['a removal by EventBridge', { 'source': 'aws.s3', 'detail-type': 'Object Deleted', 'detail': {} }, 'not created'],
    ['an event of another service', { 'source': 'aws.ec2', 'detail-type': 'State Change', 'detail': {} }, 'foreign'],
    ['a record of another service', { Records: [{ eventSource: 'aws:dynamodb', eventName: 'INSERT' }] }, 'foreign'],
    ['a message without a record', { Records: [] }, 'empty'],
  ])('is passed over: %s', (_name, event, why) => {
    const { requests, malformed } = readEvent(event);
    expect(requests).toEqual([expect.objectContaining({ kind: 'passed over', why })]);
    expect(malformed).toBeNull();
  });
});

describe('a message that nobody understands', () => {
  it.each([
    ['no JSON', 'hello'],
    ['nothing', ''],
    ['a number', '17'],
    ['null', 'null'],
    ['another object', '{"hello":1}'],
    [
      'a record of S3 without a key',
      text({ Records: [{ eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3: { bucket: { name: 'b' } } }] }),
    ],
    ['a record without a source', text({ Records: [{}] })],
    ['a key that is no UTF-8', text({ Records: [record('%ff.csv')] })],
    ['an upload of ours without an object', text({ kind: 'upload', job: 'a' })],
    ['a notification within a notification, for ever', wrapped(10)],
  ])('is told from one that asks for nothing: %s', (_name, body) => {
    expect(readRequest(body)).toMatchObject({ requests: [], malformed: expect.any(String) });
  });

  it('in one record leaves the others of the message to be done', () => {
    const { requests, malformed } = readEvent({ Records: [record('a'), { eventSource: 'aws:s3' }, record('b')] });
    expect(requests).toEqual([landed('a'), landed('b')]);
    expect(malformed).toMatch(/no bucket, key or event name/);
  });
});

/** A text wrapped by SNS so many times. */
function wrapped(times: number): string {
  let body = text({ Records: [record('a')] });
  for (let time = 0; time < times; time++) body = text({ Type: 'Notification', Message: body });
  return body;
}

describe('our own messages', () => {
  it('ask for an upload to be planned again, and for a run', () => {
    const upload = { kind: 'upload', job: 'visits', object: { key: 'a', version: 'v', size: 1 }, epoch: 1 } as const;
    const run = { kind: 'run', run: 'visits-1', epoch: 0, request: 'abc' } as const;
    expect(readRequest(text(upload)).requests).toEqual([{ kind: 'upload', message: upload }]);
    expect(readRequest(text(run)).requests).toEqual([{ kind: 'run', message: run }]);
  });

  it('of a dead request have its text and how often it died', () => {
    const again = requestAgain(text({ Records: [record('a')] }), 1);
    expect(readRequest(again)).toEqual({ requests: [landed('a')], malformed: null, deaths: 1 });
    expect(readRequest(requestAgain(again, 2)).deaths).toBe(2);
  });
});
