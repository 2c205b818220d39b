import { describe, expect, it } from 'vitest';
import type { LandedUpload } from './invariants.ts';
import { namedEpoch } from './named-runs.ts';

const landed = (run: string, version: string): LandedUpload => ({
  run,
  key: 'in/a',
  version,
  table: 'lines',
  format: 'delta',
  body: '',
  query: 'lines',
  maxBadRows: 0,
  maxFailedTasks: 0,
  deadlineMs: 0,
});
const uploads = new Map(['first', 'second'].map((run, index) => [run, landed(run, `version-id:w${index + 1}`)]));
const event = (object: object): string => JSON.stringify({ Records: [{ s3: { object } }] });

describe('the epoch that a message names', () => {
  it.each([
    ['a task', { kind: 'task', run: 'second', epoch: 3 }, { run: 'second', epoch: 3 }],
    ['a retry', { kind: 'retry', run: 'first', epoch: 1, table: 'lines', request: null }, { run: 'first', epoch: 1 }],
    [
      'an upload that is planned again',
      { kind: 'upload', epoch: 2, object: { key: 'in/a', version: 'version-id:w2' } },
      { run: 'second', epoch: 2 },
    ],
    ['a dead request sent again', { kind: 'again', deaths: 1, body: event({ key: 'in/a', versionId: 'w1' }) }, { run: 'first', epoch: 0 }],
  ])('is told of %s', (_what, message, named) => {
    expect(namedEpoch(JSON.stringify(message), uploads)).toEqual(named);
  });

  it('is that of the version of the object, not of another under the same key', () => {
    expect(namedEpoch(event({ key: 'in/a', versionId: 'w2', eTag: 'e' }), uploads)).toEqual({ run: 'second', epoch: 0 });
    expect(namedEpoch(event({ key: 'in/a', eTag: 'w2' }), uploads)).toBeNull();
  });
});
