import { matchesGlob } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { globPattern } from '../../../functions/core/glob.ts';

const globs = [
  '*',
  '*.csv',
  '**',
  '**/*.csv',
  'a/*',
  'a/**/b.csv',
  'a/**',
  '?.csv',
  '[a-c].csv',
  '[!a-c].csv',
  '*.{csv,tsv}',
  '{a,b/c}/x',
  'a+b(1).csv',
  'a.csv',
  '/data/*.csv',
];
const keys = [
  'a.csv',
  'd.csv',
  'ab.csv',
  'a/b.csv',
  'a/x/b.csv',
  'a/x/y/b.csv',
  'x/a.csv',
  'a.tsv',
  'acsv',
  'a+b(1).csv',
  'aab(1).csv',
  'b/c/x',
  'a/x',
  'c/x',
  '/data/a.csv',
  '/data/x/a.csv',
  'é.csv',
];

describe('globPattern', () => {
  it.each(globs)("matches the keys that Node's own globs match: %s", (glob) => {
    const pattern = globPattern(glob);
    expect(keys.filter((key) => pattern.test(key))).toEqual(keys.filter((key) => matchesGlob(key, glob)));
  });

  it.each(['[', ']', '{', '}', '{a', 'a[b', '\\', '(', '-', '^$', '[]', '[!]', '[z-a]'])(
    'takes what is no pattern as it is: %s',
    (glob) => {
      expect(globPattern(glob).test(glob)).toBe(true);
      expect(globPattern(glob).test('x')).toBe(false);
    },
  );
});
