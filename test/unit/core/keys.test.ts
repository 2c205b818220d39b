import { describe, expect, it } from 'vitest';
import * as keys from '../../../functions/core/keys.ts';

const id = { run: 'visits-0123', epoch: 2 };

describe('keys', () => {
  it('sort parts by task, so that a listing is in task order', () => {
    const parts = [0, 9, 10, 999, 1_000, 999_999].map((task) => keys.partKey({ ...id, nonce: 'abc' }, 0, task));
    expect(parts.toSorted()).toEqual(parts);
    expect(parts.map(keys.taskOfPartKey)).toEqual([0, 9, 10, 999, 1_000, 999_999]);
  });

  it('put the parts of at most a thousand tasks into a group', () => {
    expect([0, 999, 1_000, 1_999].map(keys.groupOf)).toEqual([0, 0, 1, 1]);
    expect(keys.groupCount(1_001)).toBe(2);
    expect([keys.groupSize(0, 1_001), keys.groupSize(1, 1_001)]).toEqual([1_000, 1]);
  });

  it('read a ledger key back, also for a table at a path', () => {
    expect(keys.parseLedgerKey(keys.decisionKey('/data/x', id))).toEqual({ ...id, kind: 'decision' });
    expect(keys.parseLedgerKey(keys.outcomeKey('visits', id))).toEqual({ ...id, kind: 'outcome' });
    expect(keys.parseLedgerKey('visits/_delta_log/00000000000000000000.json')).toBeNull();
  });

  it('read the run back from a recent key', () => {
    expect(keys.runOfRecentKey(keys.recentKey('a-b-0123', Date.UTC(2026, 10, 22, 14, 30, 15, 123)))).toBe('a-b-0123');
    expect(keys.recentKey('a-0', Date.UTC(2026, 10, 22, 14, 30, 15, 123))).toBe('recent/2026-11-22/143015123-a-0');
  });

  it('name data files unlike those of any other epoch, task or attempt', () => {
    const names = [
      keys.dataFileName(id, 1, 'n1', 0),
      keys.dataFileName(id, 1, 'n1', 1),
      keys.dataFileName(id, 1, 'n2', 0),
      keys.dataFileName(id, 2, 'n1', 0),
      keys.dataFileName({ ...id, epoch: 1 }, 1, 'n1', 0),
    ];
    expect(new Set(names).size).toBe(names.length);
  });
});
