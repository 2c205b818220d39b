import { expect, it } from 'vitest';
import { passOn } from '../../../functions/coordinator/pass-on.ts';
import { readEvent, readRequest } from '../../../functions/core/request.ts';

const record = (key: string) => ({
  eventSource: 'aws:s3',
  eventName: 'ObjectCreated:Put',
  s3: { bucket: { name: 'landing' }, object: { key, size: 3, versionId: 'v' } },
});
const sns = (key: string) => ({ EventSource: 'aws:sns', Sns: { Message: JSON.stringify({ Records: [record(key)] }) } });
const bridge = {
  'source': 'aws.s3',
  'detail-type': 'Object Created',
  'detail': { bucket: { name: 'landing' }, object: { 'key': 'a', 'version-id': 'v' } },
};

/** The texts that arrive in the queue, as the real one writes them. */
async function passedOn(event: unknown): Promise<readonly string[]> {
  const bodies: string[] = [];
  const send = async (messages: readonly unknown[]) => {
    bodies.push(...messages.map((message) => JSON.stringify(message)));
    return [];
  };
  await passOn({ send }, event);
  return bodies;
}

it.each([
  ['S3', { Records: [record('a'), record('b')] }, 2],
  ['SNS', { Records: [sns('a'), sns('b')] }, 2],
  ['EventBridge', bridge, 1],
  ['a test of S3', { Service: 'Amazon S3', Event: 's3:TestEvent' }, 1],
  ['nobody we know', { hello: 1 }, 1],
  ['somebody with nothing', { Records: [] }, 1],
  ['somebody with null', null, 1],
])('an event by %s waits in the queue afterwards, each record of it by itself, and asks for the same', async (_who, event, messages) => {
  const bodies = await passedOn(event);
  expect(bodies).toHaveLength(messages);
  const { requests, malformed } = readEvent(event);
  expect(bodies.flatMap((body) => readRequest(body).requests)).toEqual(requests);
  expect(bodies.map((body) => readRequest(body).malformed)).toContain(malformed);
});

it('an event that the queue does not take fails its call, so that it comes again', async () => {
  const full = { send: async () => [{ index: 1, reason: 'no permission' }] };
  await expect(passOn(full, { Records: [record('a'), record('b')] })).rejects.toMatchObject({ code: 'store.failed', retryable: true });
});
