import { type Code, control, i8x16, i32, i64, valueType, WasmFunction } from './wasm.ts';
import { andNot, Block, bit, count, isNotZero, next } from './wasm-blocks.ts';

const LF = 10;
const CR = 13;
const TAB = 9;
const SPACE = 32;

/** Where `lines` keeps what it carries (i64) and leaves the figures of a call (i32s): offsets from its `out` parameter. */
export const lineLayout = { blankSoFar: 0, newlines: 8, blanks: 12, first: 16, last: 20, longest: 24 } as const;

/** `count(p, length, out, byte)`: how often `byte` stands in `length` bytes at `p`, as an i32 at `out`. */
export function countFunction(): WasmFunction {
  const f = new WasmFunction('count');
  const [p, length, out, byte] = [
    f.parameter(valueType.i32),
    f.parameter(valueType.i32),
    f.parameter(valueType.i32),
    f.parameter(valueType.i32),
  ];
  const bytes16 = f.local(valueType.v128);
  const total = f.local(valueType.i32);
  const block = new Block(f, p);
  const rest = i64.sub(i64.shiftLeft(i64.constant(1n), i64.fromI32(length.get)), i64.constant(1n));
  f.write(
    bytes16.set(i8x16.splat(byte.get)),
    control.whilst(i32.ge(length.get, i32.constant(64)), [
      ...block.load(),
      ...count(total, block.mask(bytes16)),
      ...p.set(i32.add(p.get, i32.constant(64))),
      ...length.set(i32.sub(length.get, i32.constant(64))),
    ]),
    control.when(length.get, [...block.load(), ...count(total, i64.and(block.mask(bytes16), rest))]),
    i32.store(out.get, 0, total.get),
  );
  return f;
}

/**
 * `lines(p, length, out)`: newlines in `length` bytes at `p`, the blank lines that end there (nothing but spaces, tabs and CRs), the addresses of the
 * first and the last newline (-1: none), and the longest line between two of them, without its newline. `blankSoFar` is 1 when only such bytes stand
 * before `p` on its line. Blank lines: a line start is added to the run of white bytes that follows it; the carry comes out at the run's end.
 */
export function linesFunction(): WasmFunction {
  const f = new WasmFunction('lines');
  const v = lineVariables(f);
  const rest = i64.sub(i64.shiftLeft(i64.constant(1n), i64.fromI32(v.length.get)), i64.constant(1n));
  f.write(
    v.blankSoFar.set(i64.load(v.out.get, lineLayout.blankSoFar)),
    (
      [
        ['lf16', LF],
        ['cr16', CR],
        ['tab16', TAB],
        ['space16', SPACE],
      ] as const
    ).flatMap(([name, byte]) => v[name].set(i8x16.splat(i32.constant(byte)))),
    v.first.set(i32.constant(-1)),
    v.last.set(i32.constant(-1)),
    control.whilst(i32.ge(v.length.get, i32.constant(64)), [
      ...lineBlock(v, (mask) => mask, i64.constant(63n)),
      ...v.p.set(i32.add(v.p.get, i32.constant(64))),
      ...v.length.set(i32.sub(v.length.get, i32.constant(64))),
    ]),
    control.when(
      v.length.get,
      lineBlock(v, (mask) => i64.and(mask, rest), i64.sub(i64.fromI32(v.length.get), i64.constant(1n))),
    ),
    i64.store(v.out.get, lineLayout.blankSoFar, v.blankSoFar.get),
    (['newlines', 'blanks', 'first', 'last', 'longest'] as const).flatMap((name) => i32.store(v.out.get, lineLayout[name], v[name].get)),
  );
  return f;
}

type LineVariables = ReturnType<typeof lineVariables>;

function lineVariables(f: WasmFunction) {
  const { i32: I32, i64: I64, v128: V128 } = valueType;
  const p = f.parameter(I32);
  const length = f.parameter(I32);
  const out = f.parameter(I32);
  return {
    p,
    length,
    out,
    lf16: f.local(V128),
    cr16: f.local(V128),
    tab16: f.local(V128),
    space16: f.local(V128),
    blankSoFar: f.local(I64),
    N: f.local(I64),
    white: f.local(I64),
    starts: f.local(I64),
    sum: f.local(I64),
    newlines: f.local(I32),
    blanks: f.local(I32),
    first: f.local(I32),
    last: f.local(I32),
    longest: f.local(I32),
    at: f.local(I32),
    end: f.local(I32),
    block: new Block(f, p),
  };
}

function lineBlock(v: LineVariables, valid: (mask: Code) => Code, lastBit: Code): Code {
  const white = [v.cr16, v.tab16, v.space16].map((value) => v.block.mask(value)).reduce(i64.or);
  const reached = i64.or(andNot(v.sum.get, v.white.get), v.starts.get);
  return [
    ...v.block.load(),
    ...v.N.set(valid(v.block.mask(v.lf16))),
    // without a line start in or before the block there is no blank line: its white bytes need no look
    ...v.starts.set(next(v.N.get, v.blankSoFar.get)),
    ...v.blankSoFar.set(i64.constant(0n)),
    ...control.when(isNotZero(i64.or(v.starts.get, v.N.get)), [
      ...v.white.set(valid(white)),
      ...v.sum.set(i64.add(v.white.get, i64.and(v.starts.get, v.white.get))),
      ...count(v.blanks, i64.and(v.N.get, reached)),
      ...v.blankSoFar.set(blankAtEnd(v, lastBit)),
    ]),
    ...control.when(isNotZero(v.N.get), newlineGaps(v)),
  ];
}

/** 1 when the last byte is a newline, or white and reached from a line start. */
function blankAtEnd(v: LineVariables, lastBit: Code): Code {
  const one = i64.constant(1n);
  const isNewline = i64.and(i64.shiftRight(v.N.get, lastBit), one);
  // the carry left the last byte: into the bit after it, or out of the word
  const after = i64.and(i64.shiftRight(i64.shiftRight(andNot(v.sum.get, v.white.get), lastBit), one), one);
  return i64.or(i64.or(isNewline, after), bit(i64.lessUnsigned(v.sum.get, v.white.get), 0));
}

/** Goes through the newlines of a block as long as a line in it may still be the longest. */
function newlineGaps(v: LineVariables): Code {
  const longer = (length: Code) => [...control.when(i32.gt(length, v.longest.get), v.longest.set(length))];
  const take = [
    ...v.at.set(i32.add(v.p.get, i32.fromI64(i64.trailingZeros(v.N.get)))),
    ...control.when(
      i32.lt(v.first.get, i32.constant(0)),
      v.first.set(v.at.get),
      longer(i32.sub(i32.sub(v.at.get, v.last.get), i32.constant(1))),
    ),
    ...v.last.set(v.at.get),
  ];
  const last = i32.sub(i32.add(v.p.get, i32.constant(63)), i32.fromI64(i64.leadingZeros(v.N.get)));
  return [
    ...count(v.newlines, v.N.get),
    ...v.end.set(last),
    ...take,
    ...control.when(i32.lt(v.longest.get, i32.constant(64)), [
      ...v.N.set(i64.and(v.N.get, i64.sub(v.N.get, i64.constant(1n)))),
      ...control.whilst(isNotZero(v.N.get), [...take, ...v.N.set(i64.and(v.N.get, i64.sub(v.N.get, i64.constant(1n))))]),
    ]),
    ...v.last.set(v.end.get),
  ];
}
