import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DueTimes } from '../../../functions/adapters/due-times.ts';

it('gives items in the order of their times, those of one time in the order of their adding, and none too early', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }), fc.integer({ min: 0, max: 20 }), (times, nowMs) => {
      const due = new DueTimes<number>();
      const taken: number[] = [];
      const take = (atMs: number) => {
        for (let item = due.takeDue(atMs); item !== undefined; item = due.takeDue(atMs)) taken.push(item);
      };
      times.forEach((dueMs, item) => {
        due.add(dueMs, item);
      });
      const byTime = times.map((dueMs, item) => ({ dueMs, item })).sort((a, b) => a.dueMs - b.dueMs || a.item - b.item);
      expect(due.nextMs).toBe(byTime[0]?.dueMs);
      take(nowMs);
      expect(taken).toEqual(byTime.filter(({ dueMs }) => dueMs <= nowMs).map(({ item }) => item));
      take(20);
      expect(taken).toEqual(byTime.map(({ item }) => item));
      expect(due.nextMs).toBeUndefined();
    }),
  );
});
