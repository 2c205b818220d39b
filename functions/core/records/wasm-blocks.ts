import { type Code, i8x16, i32, i64, type Variable, valueType, type WasmFunction } from './wasm.ts';

/** The four loads of a block of 64 bytes at `at`, and the mask of its bytes that equal one value: bit i for byte i. */
export class Block {
  private readonly lanes: readonly Variable[];
  private readonly at: Variable;

  constructor(f: WasmFunction, at: Variable) {
    this.at = at;
    this.lanes = [0, 1, 2, 3].map(() => f.local(valueType.v128));
  }

  load(): Code {
    return this.lanes.flatMap((lane, i) => lane.set(i8x16.load(this.at.get, 16 * i)));
  }

  /** Of the bytes that equal one of several values, when more than one is given. */
  mask(...values: readonly Variable[]): Code {
    const parts = this.lanes.map((lane, i) => {
      const equal = values.map((value) => i8x16.equal(lane.get, value.get)).reduce(i8x16.or);
      return i64.shiftLeft(i64.fromI32(i8x16.bitmask(equal)), i64.constant(BigInt(16 * i)));
    });
    return parts.reduce(i64.or);
  }
}

/** 1n << shift where `condition` (i32, 0 or 1) holds. */
export const bit = (condition: Code, shift: number): Code => i64.shiftLeft(i64.fromI32(condition), i64.constant(BigInt(shift)));

/** For every bit its next byte; `carry` (0 or 1) comes from the block before. */
export const next = (mask: Code, carry: Code): Code => i64.or(i64.shiftLeft(mask, i64.constant(1n)), carry);

export const andNot = (a: Code, b: Code): Code => i64.and(a, i64.not(b));

export const isNotZero = (mask: Code): Code => i32.sub(i32.constant(1), i64.isZero(mask));

/** Adds the number of bits to an i32 variable. */
export const count = (total: Variable, mask: Code): Code => total.set(i32.add(total.get, i32.fromI64(i64.ones(mask))));
