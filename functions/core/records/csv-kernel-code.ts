import { type Code, control, i8x16, i32, i64, type Variable, valueType, WasmFunction } from './wasm.ts';
import { andNot, Block, bit, count, isNotZero, next } from './wasm-blocks.ts';

/** Where `scan` keeps what it carries from one call to the next (i64s) and leaves the figures of a call (i32s): offsets from its `out` parameter. */
export const scanLayout = {
  /** All ones when the next byte is inside quotes, for a scan that started outside. */
  inside: 0,
  /** 1 when the last byte was a quote that counts. */
  lastIsQuote: 8,
  /** 1 when the next byte is escaped. */
  nextIsEscaped: 16,
  newlines: 24,
  newlinesInside: 28,
  others: 32,
  othersInside: 36,
  pairs: 40,
  pairsInside: 44,
  blanks: 48,
  blanksInside: 52,
  dirtyOutside: 56,
  dirtyInside: 60,
  quotes: 64,
  firstOutside: 68,
  lastOutside: 72,
  firstInside: 76,
  lastInside: 80,
} as const;

export interface ScanVariant {
  /** Quotes are doubled, or escaped by another byte. */
  readonly quotes: 'doubled' | 'escaped';
  readonly newline: 'single' | 'crlf';
}

const { i32: I32, i64: I64, v128: V128 } = valueType;

/**
 * `scan(p, length, out, quote, delimiter, newline, other, escape, quoteOn, escapeOn)`: one pass over `length` bytes at `p` for both start states,
 * outside quotes and inside. The two bytes before `p` are those before the range. `quoteOn` and `escapeOn` are -1n, or 0n when the dialect has none.
 * `other` is the newline byte that the dialect doesn't end records with; for CRLF, `newline` is LF and `other` CR.
 *
 * Rules (formats.md section 2): a quote that opens stands after a separator (delimiter, LF, CR) or, doubled, after a closing one; a closing quote
 * stands before a separator or, doubled, a quote. What breaks a rule is counted as dirty. Where nothing is dirty and newlines are uniform the parity of
 * quotes says where records start. The prefix xor and the handling of runs of escapes are those of simdjson (Langdale, Lemire 2019, section 3.1).
 */
export function scanFunction(name: string, variant: ScanVariant): WasmFunction {
  const f = new WasmFunction(name);
  const v = scanVariables(f);
  const full: Part = { valid: (mask) => mask, lastBit: i64.constant(63n) };
  const partial: Part = { valid: (mask) => i64.and(mask, v.valid.get), lastBit: v.lastBit.get };
  const length64 = i64.fromI32(v.length.get);
  f.write(
    prologue(v),
    control.whilst(i32.ge(v.length.get, i32.constant(64)), [
      ...block(v, variant, full),
      ...v.p.set(i32.add(v.p.get, i32.constant(64))),
      ...v.length.set(i32.sub(v.length.get, i32.constant(64))),
    ]),
    control.when(v.length.get, [
      ...v.valid.set(i64.sub(i64.shiftLeft(i64.constant(1n), length64), i64.constant(1n))),
      ...v.lastBit.set(i64.sub(length64, i64.constant(1n))),
      ...block(v, variant, partial),
    ]),
    epilogue(v),
  );
  return f;
}

/** How a block differs when fewer than 64 of its bytes are in the range. */
interface Part {
  readonly valid: (mask: Code) => Code;
  readonly lastBit: Code;
}

type ScanVariables = ReturnType<typeof scanVariables>;

function scanVariables(f: WasmFunction) {
  const parameters = parameterVariables(f);
  const i64Local = () => f.local(I64);
  return {
    ...parameters,
    ...totalVariables(f),
    quotes16: f.local(V128),
    delimiters16: f.local(V128),
    newlines16: f.local(V128),
    others16: f.local(V128),
    escapes16: f.local(V128),
    inside: i64Local(),
    lastIsQuote: i64Local(),
    nextIsEscaped: i64Local(),
    previousN: i64Local(),
    previousO: i64Local(),
    valid: i64Local(),
    lastBit: i64Local(),
    Q: i64Local(),
    N: i64Local(),
    O: i64Local(),
    S: i64Local(),
    B: i64Local(),
    I: i64Local(),
    terminals: i64Local(),
    opens: i64Local(),
    closes: i64Local(),
    left: i64Local(),
    right: i64Local(),
    afterOutside: i64Local(),
    afterInside: i64Local(),
    found: i64Local(),
    before: f.local(I32),
    block: new Block(f, parameters.p),
  };
}

/** In the order of the call. */
function parameterVariables(f: WasmFunction) {
  const i32Parameter = () => f.parameter(I32);
  return {
    p: i32Parameter(),
    length: i32Parameter(),
    out: i32Parameter(),
    quote: i32Parameter(),
    delimiter: i32Parameter(),
    newline: i32Parameter(),
    other: i32Parameter(),
    escape: i32Parameter(),
    quoteOn: f.parameter(I64),
    escapeOn: f.parameter(I64),
  };
}

function totalVariables(f: WasmFunction) {
  const total = () => f.local(I32);
  return {
    newlines: total(),
    newlinesInside: total(),
    others: total(),
    othersInside: total(),
    pairs: total(),
    pairsInside: total(),
    blanks: total(),
    blanksInside: total(),
    dirtyOutside: total(),
    dirtyInside: total(),
    quotes: total(),
    firstOutside: total(),
    lastOutside: total(),
    firstInside: total(),
    lastInside: total(),
  };
}

function prologue(v: ScanVariables): Code {
  const byteBack = (back: number) => i32.load8(i32.sub(v.p.get, i32.constant(back)));
  return [
    ...v.quotes16.set(i8x16.splat(v.quote.get)),
    ...v.delimiters16.set(i8x16.splat(v.delimiter.get)),
    ...v.newlines16.set(i8x16.splat(v.newline.get)),
    ...v.others16.set(i8x16.splat(v.other.get)),
    ...v.escapes16.set(i8x16.splat(v.escape.get)),
    ...v.inside.set(i64.load(v.out.get, scanLayout.inside)),
    ...v.lastIsQuote.set(i64.load(v.out.get, scanLayout.lastIsQuote)),
    ...v.nextIsEscaped.set(i64.load(v.out.get, scanLayout.nextIsEscaped)),
    ...v.previousN.set(i64.or(bit(i32.eq(byteBack(1), v.newline.get), 63), bit(i32.eq(byteBack(2), v.newline.get), 62))),
    ...v.previousO.set(bit(i32.eq(byteBack(1), v.other.get), 63)),
    ...[v.firstOutside, v.lastOutside, v.firstInside, v.lastInside].flatMap((address) => address.set(i32.constant(-1))),
  ];
}

function block(v: ScanVariables, variant: ScanVariant, part: Part): Code {
  return [
    ...v.block.load(),
    ...v.Q.set(part.valid(i64.and(v.block.mask(v.quotes16), v.quoteOn.get))),
    ...v.N.set(part.valid(v.block.mask(v.newlines16))),
    ...v.O.set(part.valid(v.block.mask(v.others16))),
    ...(variant.quotes === 'escaped' ? dropEscaped(v, part) : []),
    ...v.I.set(v.inside.get),
    ...control.when(isNotZero(i64.or(v.Q.get, v.lastIsQuote.get)), quotes(v, variant, part)),
    ...control.when(isNotZero(i64.or(v.N.get, v.O.get)), newlines(v, variant)),
    ...v.previousN.set(v.N.get),
    ...v.previousO.set(v.O.get),
  ];
}

/** Takes quotes after an odd run of escape bytes out of Q. */
function dropEscaped(v: ScanVariables, part: Part): Code {
  const odd = i64.constant(-0x5555555555555556n);
  const starts = andNot(v.B.get, v.nextIsEscaped.get);
  return [
    ...v.B.set(part.valid(i64.and(v.block.mask(v.escapes16), v.escapeOn.get))),
    ...v.terminals.set(i64.xor(i64.sub(i64.or(i64.shiftLeft(starts, i64.constant(1n)), odd), starts), odd)),
    ...v.Q.set(andNot(v.Q.get, i64.xor(v.terminals.get, i64.or(v.B.get, v.nextIsEscaped.get)))),
    ...v.nextIsEscaped.set(i64.and(i64.shiftRight(i64.and(v.terminals.get, v.B.get), part.lastBit), i64.constant(1n))),
  ];
}

function quotes(v: ScanVariables, variant: ScanVariant, part: Part): Code {
  const isByte = (value: Variable) => i32.eq(v.before.get, value.get);
  const isSeparator = i32.or(i32.or(isByte(v.delimiter), isByte(v.newline)), isByte(v.other));
  const doubled = variant.quotes === 'doubled';
  const opensWell = (after: Variable) => (doubled ? i64.or(v.left.get, after.get) : v.left.get);
  return [
    ...v.before.set(i32.load8(i32.sub(v.p.get, i32.constant(1)))),
    ...v.S.set(i64.or(i64.or(v.N.get, v.O.get), part.valid(v.block.mask(v.delimiters16)))),
    ...v.I.set(v.Q.get),
    ...[1n, 2n, 4n, 8n, 16n, 32n].flatMap((shift) => v.I.set(i64.xor(v.I.get, i64.shiftLeft(v.I.get, i64.constant(shift))))),
    ...v.I.set(i64.xor(v.I.get, v.inside.get)),
    ...v.opens.set(i64.and(v.Q.get, v.I.get)),
    ...v.closes.set(andNot(v.Q.get, v.I.get)),
    ...v.left.set(next(v.S.get, i64.fromI32(isSeparator))),
    ...v.right.set(doubled ? i64.or(v.S.get, v.Q.get) : v.S.get),
    ...v.afterOutside.set(next(v.closes.get, andNot(v.lastIsQuote.get, v.inside.get))),
    ...v.afterInside.set(next(v.opens.get, i64.and(v.lastIsQuote.get, v.inside.get))),
    ...count(v.dirtyOutside, andNot(v.opens.get, opensWell(v.afterOutside))),
    ...count(v.dirtyOutside, part.valid(andNot(v.afterOutside.get, v.right.get))),
    ...count(v.dirtyInside, andNot(v.closes.get, opensWell(v.afterInside))),
    ...count(v.dirtyInside, part.valid(andNot(v.afterInside.get, v.right.get))),
    ...count(v.quotes, v.Q.get),
    ...v.lastIsQuote.set(i64.and(i64.shiftRight(v.Q.get, part.lastBit), i64.constant(1n))),
    ...v.inside.set(i64.shiftRightSigned(v.I.get, i64.constant(63n))),
  ];
}

function newlines(v: ScanVariables, variant: ScanVariant): Code {
  const carry = (mask: Variable, shift: bigint) => i64.shiftRight(mask.get, i64.constant(shift));
  const both = (total: Variable, inside: Variable, mask: Code) => [...count(total, mask), ...count(inside, i64.and(mask, v.I.get))];
  const mark = (first: Variable, last: Variable, mask: Code) => [
    ...v.found.set(mask),
    ...control.when(isNotZero(v.found.get), [
      ...last.set(i32.sub(i32.add(v.p.get, i32.constant(63)), i32.fromI64(i64.leadingZeros(v.found.get)))),
      ...control.when(i32.lt(first.get, i32.constant(0)), first.set(i32.add(v.p.get, i32.fromI64(i64.trailingZeros(v.found.get))))),
    ]),
  ];
  const single = both(v.blanks, v.blanksInside, i64.and(v.N.get, next(v.N.get, carry(v.previousN, 63n))));
  const crlf = [
    ...v.found.set(i64.and(v.N.get, next(v.O.get, carry(v.previousO, 63n)))),
    ...both(v.pairs, v.pairsInside, v.found.get),
    ...v.found.set(i64.and(v.found.get, i64.or(i64.shiftLeft(v.N.get, i64.constant(2n)), carry(v.previousN, 62n)))),
    ...both(v.blanks, v.blanksInside, v.found.get),
  ];
  return [
    ...both(v.newlines, v.newlinesInside, v.N.get),
    ...both(v.others, v.othersInside, v.O.get),
    ...(variant.newline === 'crlf' ? crlf : single),
    ...mark(v.firstOutside, v.lastOutside, andNot(v.N.get, v.I.get)),
    ...mark(v.firstInside, v.lastInside, i64.and(v.N.get, v.I.get)),
  ];
}

function epilogue(v: ScanVariables): Code {
  const carries = (['inside', 'lastIsQuote', 'nextIsEscaped'] as const).flatMap((name) =>
    i64.store(v.out.get, scanLayout[name], v[name].get),
  );
  const names = ['newlines', 'newlinesInside', 'others', 'othersInside', 'pairs', 'pairsInside', 'blanks', 'blanksInside'] as const;
  const more = ['dirtyOutside', 'dirtyInside', 'quotes', 'firstOutside', 'lastOutside', 'firstInside', 'lastInside'] as const;
  return [...carries, ...[...names, ...more].flatMap((name) => i32.store(v.out.get, scanLayout[name], v[name].get))];
}
