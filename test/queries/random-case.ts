import * as fc from 'fast-check';
import type { Chance } from './in-stages.ts';
import { randomQuery } from './random-branches.ts';
import { type RandomQuery, tableSql } from './random-query.ts';

export interface RandomCase {
  readonly query: RandomQuery;
  /** SQL of the table. */
  readonly table: string;
  /** Ends of the ranges of ids that become objects, the last one the table's. */
  readonly cuts: readonly number[];
  /** Whether it is one CSV object in so many splits. */
  readonly asText: boolean;
  /** A new source of the same chances. */
  readonly chance: () => Chance;
}

/** Numbers from a seed (Mulberry32). */
function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  return {
    next(below) {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
    },
  };
}

/** A table of 0 to 600 rows, cut into 1 to 40 objects, some of them without a row, or splits of one. */
export const randomCase: fc.Arbitrary<RandomCase> = fc
  .record({
    query: randomQuery,
    rows: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 600 })),
    salt: fc.nat(1_000_000),
    pieces: fc.oneof(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 40 })),
    seed: fc.nat(),
    asText: fc.boolean(),
  })
  .map(({ query, rows, salt, pieces, seed, asText }) => {
    const chance = chanceOf(seed);
    const inner = Array.from({ length: pieces - 1 }, () => chance.next(rows + 1)).sort((a, b) => a - b);
    return { query, table: tableSql(rows, salt), cuts: [...inner, rows], asText, chance: () => chanceOf(seed + 1) };
  });
