import { describe, expect, it } from 'vitest';
import { checkChain, type TaskLink } from '../../../functions/core/chain.ts';

const link = (
  task: number,
  start: number,
  end: number,
  from: number | null,
  to: number | null,
  more: Partial<TaskLink> = {},
): TaskLink => ({
  task,
  key: 'a.csv',
  size: 30,
  dataStart: 4,
  start,
  end,
  from,
  to,
  alternative: null,
  ...more,
});

describe('checkChain', () => {
  it('accepts splits whose records follow each other from the header to the end of the object', () => {
    const links = [link(2, 20, 30, 22, 30), link(0, 0, 10, 4, 12), link(1, 10, 20, 12, 22)];
    expect(checkChain(links)).toEqual({ kind: 'whole' });
  });

  it('accepts splits in which no record starts, inside a record that is longer than they are', () => {
    expect(checkChain([link(0, 0, 10, 4, 25), link(1, 10, 20, null, null), link(2, 20, 30, 25, 30)])).toEqual({ kind: 'whole' });
  });

  it('accepts an object without records', () => {
    expect(checkChain([link(0, 0, 30, null, null, { dataStart: 30 })])).toEqual({ kind: 'whole' });
    expect(checkChain([link(0, 0, 0, null, null, { size: 0, dataStart: 0 })])).toEqual({ kind: 'whole' });
  });

  it('names a split that began at a wrong place with the right one, and goes on behind it where the other start state fits', () => {
    const links = [
      link(0, 0, 10, 4, 12),
      link(1, 10, 20, 15, 21, { alternative: { from: 12, to: 22 } }),
      link(2, 20, 30, 21, 30, { alternative: { from: 22, to: 30 } }),
    ];
    expect(checkChain(links)).toEqual({
      kind: 'broken',
      links: [
        { task: 1, key: 'a.csv', start: 10, end: 20, from: 12 },
        { task: 2, key: 'a.csv', start: 20, end: 30, from: 22 },
      ],
    });
  });

  it('stops at a wrong split without a fitting alternative, since what is behind it can not be judged', () => {
    const links = [link(0, 0, 10, 4, 12), link(1, 10, 20, 15, 21), link(2, 20, 30, 21, 30)];
    expect(checkChain(links)).toEqual({ kind: 'broken', links: [{ task: 1, key: 'a.csv', start: 10, end: 20, from: 12 }] });
  });

  it('finds a split that claims no record though one starts in it, and one that claims a record of which it owns none', () => {
    const claimsNone = [link(0, 0, 10, 4, 12), link(1, 10, 20, null, null), link(2, 20, 30, 20, 30)];
    expect(checkChain(claimsNone)).toMatchObject({ kind: 'broken', links: [{ task: 1, from: 12 }] });
    const claimsOne = [link(0, 0, 10, 4, 25), link(1, 10, 20, 15, 20), link(2, 20, 30, 25, 30)];
    expect(checkChain(claimsOne)).toEqual({ kind: 'broken', links: [{ task: 1, key: 'a.csv', start: 10, end: 20, from: 25 }] });
  });

  it('never takes a gap, an overlap or a missing end for whole', () => {
    expect(checkChain([link(0, 0, 10, 4, 12), link(2, 20, 30, 22, 30)])).toMatchObject({ kind: 'gap', expected: 10, found: 20 });
    expect(checkChain([link(0, 0, 10, 4, 12), link(1, 10, 20, 12, 20)])).toMatchObject({ kind: 'gap', expected: 30, found: 20 });
    expect(checkChain([link(0, 0, 10, 4, 12), link(1, 10, 30, 12, 29)])).toMatchObject({ kind: 'gap', expected: 30, found: 29 });
    expect(checkChain([link(0, 0, 20, 4, 22), link(1, 10, 30, 22, 30)])).toMatchObject({ kind: 'gap', expected: 20, found: 10 });
  });

  it('judges each object by itself, and one with missing ranges only around the hole', () => {
    const other = { key: 'b.csv' };
    const links = [link(0, 0, 30, 4, 30), link(1, 0, 10, 4, 12, other), link(3, 20, 30, 21, 30, other)];
    expect(checkChain(links)).toMatchObject({ kind: 'gap', key: 'b.csv' });
    expect(checkChain(links, (key) => key === 'b.csv')).toEqual({ kind: 'whole' });
  });

  it('takes no guess behind a hole for proven', () => {
    const guessed = link(2, 20, 30, 21, 30, { alternative: { from: 25, to: 30 } });
    expect(checkChain([link(0, 0, 10, 4, 12), guessed], () => true)).toEqual({ kind: 'unproven', key: 'a.csv', start: 20 });
  });
});
