import { describe, expect, it } from 'vitest';
import { runId } from '../../../functions/core/run-id.ts';

const identity = { job: 'visits', table: 'visits', again: 0, objects: [{ key: 'a', version: '1' }] };

describe('runId', () => {
  it('is the same for the same job, table and objects in any order', () => {
    const objects = [
      { key: 'b', version: '1' },
      { key: 'a', version: '2' },
      { key: 'a', version: '1' },
    ];
    expect(runId({ ...identity, objects })).toBe(runId({ ...identity, objects: objects.toReversed() }));
  });

  it.each([
    { ...identity, job: 'other' },
    { ...identity, table: 'other' },
    { ...identity, again: 1 },
    { ...identity, objects: [{ key: 'a', version: '2' }] },
    { ...identity, objects: [{ key: 'a1', version: '' }] },
    { ...identity, objects: [...identity.objects, { key: 'b', version: '1' }] },
  ])('is another for another job, table, version, set of objects or repetition (%#)', (other) => {
    expect(runId(other)).not.toBe(runId(identity));
  });

  it('begins with the job and is fit for a key', () => {
    expect(runId(identity)).toMatch(/^visits-[0-9a-f]{20}$/);
  });
});
