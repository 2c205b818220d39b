import { byteClass, hashFactors, hashShift, keyEvent, keyState, nodeKind } from './key-kernel-state.ts';
import { type Code, control, i8x16, i32, i64, type Variable, valueType, WasmFunction } from './wasm.ts';

const signed = (value: bigint): Code => i64.constant(BigInt.asIntN(64, value));
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LF = 10;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const highestWhite = 0x20;

/**
 * `keys(p, end, state, classes, nodes, table, mask, masks)`: walks through lines of JSON and looks up every key of an object whose node is a struct, in `table`
 * of `mask + 1` entries. Stops behind a key that it can't settle. A line end resets everything, so that a line that isn't JSON spoils no other one. The byte at
 * `end` must be a line end. At `masks` are 16 bytes of ones and 16 of zeros.
 */
export function keysFunction(): WasmFunction {
  const f = new WasmFunction('keys');
  const v = variables(f);
  const carried = [
    [v.mode, keyState.mode],
    [v.node, keyState.node],
    [v.inObject, keyState.inObject],
    [v.keyNext, keyState.keyNext],
    [v.child, keyState.child],
    [v.passedOver, keyState.passedOver],
    [v.top, keyState.top],
  ] as const;
  const splat = (variable: Variable, byte: number) => variable.set(i8x16.splat(i32.constant(byte)));
  f.write(
    splat(v.quote16, QUOTE),
    splat(v.backslash16, BACKSLASH),
    splat(v.lf16, LF),
    carried.flatMap(([variable, offset]) => variable.set(i32.load(v.state.get, offset))),
    control.whilst(i32.and(i32.lt(v.p.get, v.end.get), i32.isZero(v.event.get)), [
      ...control.when(v.mode.get, control.when(is(v.mode, 1), inValue(v), behindBackslash(v)), outside(v)),
    ]),
    carried.flatMap(([variable, offset]) => i32.store(v.state.get, offset, variable.get)),
    i32.store(v.state.get, keyState.event, v.event.get),
    i32.store(v.state.get, keyState.at, v.p.get),
    i32.store(v.state.get, keyState.keyStart, v.keyStart.get),
    i32.store(v.state.get, keyState.keyEnd, v.keyEnd.get),
    i64.store(v.state.get, keyState.hash, v.hash.get),
  );
  return f;
}

type KeyVariables = ReturnType<typeof variables>;

function variables(f: WasmFunction) {
  const { i32: I32, i64: I64, v128: V128 } = valueType;
  return {
    p: f.parameter(I32),
    end: f.parameter(I32),
    state: f.parameter(I32),
    classes: f.parameter(I32),
    nodes: f.parameter(I32),
    table: f.parameter(I32),
    mask: f.parameter(I32),
    masks: f.parameter(I32),
    quote16: f.local(V128),
    backslash16: f.local(V128),
    lf16: f.local(V128),
    lane: f.local(V128),
    mode: f.local(I32),
    node: f.local(I32),
    inObject: f.local(I32),
    keyNext: f.local(I32),
    child: f.local(I32),
    passedOver: f.local(I32),
    top: f.local(I32),
    event: f.local(I32),
    keyStart: f.local(I32),
    keyEnd: f.local(I32),
    isEscaped: f.local(I32),
    searching: f.local(I32),
    hash: f.local(I64),
    found: f.local(I64),
    byte: f.local(I32),
    kind: f.local(I32),
    bits: f.local(I32),
    slot: f.local(I32),
    entry: f.local(I32),
  };
}

const is = (variable: Variable, value: number): Code => i32.eq(variable.get, i32.constant(value));
const put = (variable: Variable, value: number): Code => variable.set(i32.constant(value));
const step = (variable: Variable, by: number): Code => variable.set(i32.add(variable.get, i32.constant(by)));

function newLine(v: KeyVariables): Code {
  return [
    ...[v.mode, v.node, v.inObject, v.keyNext, v.passedOver].flatMap((variable) => put(variable, 0)),
    ...v.child.set(i32.load(v.state.get, keyState.root)),
    ...v.top.set(i32.load(v.state.get, keyState.stack)),
  ];
}

/** Sets `bits` to where of the 16 bytes at `at` a quote, a backslash or a line end stands. */
function look(v: KeyVariables, at: Variable): Code {
  const equal = (to: Variable): Code => i8x16.equal(v.lane.get, to.get);
  return [
    ...v.lane.set(i8x16.load(at.get, 0)),
    ...v.bits.set(i8x16.bitmask([equal(v.quote16), equal(v.backslash16), equal(v.lf16)].reduce(i8x16.or))),
  ];
}

const lowestBit = (v: KeyVariables): Code => i32.fromI64(i64.trailingZeros(i64.fromI32(v.bits.get)));

/** In a string of which nothing is asked but its end. */
function inValue(v: KeyVariables): Code {
  return [
    ...look(v, v.p),
    ...control.whilst(i32.isZero(v.bits.get), [...step(v.p, 16), ...look(v, v.p)]),
    // the line end at `end` ends the search
    ...v.p.set(i32.add(v.p.get, lowestBit(v))),
    ...control.when(i32.lt(v.p.get, v.end.get), [
      ...v.byte.set(i32.load8(v.p.get)),
      ...step(v.p, 1),
      ...control.when(
        is(v.byte, QUOTE),
        [...put(v.mode, 0), ...control.when(i32.eq(i32.load8(v.p.get), i32.constant(COMMA)), [...step(v.p, 1), ...behindComma(v)])],
        control.when(is(v.byte, BACKSLASH), put(v.mode, 2), newLine(v)),
      ),
    ]),
  ];
}

/** A backslash makes the next byte one of the string, but nothing makes a line end one. */
function behindBackslash(v: KeyVariables): Code {
  return [...put(v.mode, 1), ...control.when(i32.ne(i32.load8(v.p.get), i32.constant(LF)), step(v.p, 1))];
}

function outside(v: KeyVariables): Code {
  const classify = v.kind.set(i32.load8(i32.add(v.classes.get, i32.load8(v.p.get))));
  const isOutermost = i32.and(i32.isZero(v.passedOver.get), i32.eq(v.top.get, i32.load(v.state.get, keyState.stack)));
  const cases: readonly (readonly [number, Code])[] = [
    [byteClass.quote, control.when(i32.and(v.keyNext.get, i32.isZero(v.passedOver.get)), key(v), [...put(v.mode, 1), ...notWhole(v)])],
    [byteClass.comma, behindComma(v)],
    [byteClass.open, open(v)],
    [byteClass.close, close(v)],
    [byteClass.newline, newLine(v)],
    [byteClass.fraction, notWhole(v)],
    [byteClass.n, control.when(isOutermost, i32.store(v.state.get, keyState.nullLine, i32.constant(1)))],
  ];
  return [
    ...classify,
    ...control.whilst(i32.isZero(v.kind.get), [...step(v.p, 1), ...classify]),
    ...control.when(i32.lt(v.p.get, v.end.get), [
      ...v.byte.set(i32.load8(v.p.get)),
      ...step(v.p, 1),
      ...cases.reduceRight<Code>((others, [kind, code]) => control.when(is(v.kind, kind), code, others), []),
    ]),
  ];
}

/** What stands here, a point, an exponent, `true`, a text, is no whole number written with digits alone. */
function notWhole(v: KeyVariables): Code {
  const isWhole = i32.and(i32.isZero(v.passedOver.get), i32.eq(kindOf(v, v.child), i32.constant(nodeKind.whole)));
  return control.when(isWhole, i32.store(addressOf(v, v.child), 4, i32.constant(1)));
}

function behindComma(v: KeyVariables): Code {
  return v.keyNext.set(i32.and(v.inObject.get, i32.isZero(v.passedOver.get)));
}

/** Mixes 16 bytes into the hash; `lane` has them. */
function mix(v: KeyVariables): Code {
  const half = (index: 0 | 1, factor: bigint): Code => [
    ...v.hash.set(i64.multiply(i64.xor(v.hash.get, i8x16.half(v.lane.get, index)), signed(factor))),
    ...v.hash.set(i64.xor(v.hash.get, i64.shiftRight(v.hash.get, i64.constant(hashShift)))),
  ];
  return [...half(0, hashFactors.low), ...half(1, hashFactors.high)];
}

/** From behind a key's first quote to behind its colon. */
function key(v: KeyVariables): Code {
  const cut = [...v.p.set(i32.sub(v.keyStart.get, i32.constant(1))), ...put(v.event, keyEvent.cut), ...put(v.searching, 0)];
  const backslash = [
    ...put(v.isEscaped, 1),
    ...step(v.keyEnd, 2),
    ...control.when(i32.eq(i32.load8(i32.sub(v.keyEnd.get, i32.constant(1))), i32.constant(LF)), step(v.keyEnd, -1)),
    ...control.when(i32.ge(v.keyEnd.get, v.end.get), cut),
  ];
  const newline = [...v.p.set(i32.add(v.keyEnd.get, i32.constant(1))), ...newLine(v), ...put(v.searching, 0)];
  const atMark = [
    ...v.byte.set(i32.load8(v.keyEnd.get)),
    ...control.when(
      is(v.byte, QUOTE),
      [...put(v.searching, 0), ...behindKey(v, cut)],
      control.when(is(v.byte, BACKSLASH), backslash, newline),
    ),
  ];
  return [
    ...v.keyStart.set(v.p.get),
    ...v.keyEnd.set(v.p.get),
    ...put(v.isEscaped, 0),
    ...put(v.searching, 1),
    ...put(v.keyNext, 0),
    ...v.hash.set(i64.multiply(i64.add(i64.fromI32(v.node.get), i64.constant(1n)), signed(hashFactors.node))),
    ...control.whilst(v.searching.get, [
      ...look(v, v.keyEnd),
      ...control.when(
        v.bits.get,
        [
          ...v.slot.set(lowestBit(v)),
          ...v.lane.set(i8x16.and(v.lane.get, i8x16.load(i32.sub(v.masks.get, v.slot.get), 16))),
          ...mix(v),
          ...v.keyEnd.set(i32.add(v.keyEnd.get, v.slot.get)),
          ...control.when(i32.ge(v.keyEnd.get, v.end.get), cut, atMark),
        ],
        [...mix(v), ...step(v.keyEnd, 16)],
      ),
    ]),
    // so that it begins anew with the key
    ...control.when(is(v.event, keyEvent.cut), put(v.keyNext, 1)),
  ];
}

/** From a key's last quote to behind its colon. Without one this isn't JSON, and nothing is asked of the key. */
function behindKey(v: KeyVariables, cut: Code): Code {
  const isWhite = i32.and(i32.le(i32.load8(v.p.get), i32.constant(highestWhite)), i32.ne(i32.load8(v.p.get), i32.constant(LF)));
  return [
    ...v.p.set(i32.add(v.keyEnd.get, i32.constant(1))),
    ...control.whilst(isWhite, step(v.p, 1)),
    ...control.when(
      i32.ge(v.p.get, v.end.get),
      cut,
      control.when(i32.eq(i32.load8(v.p.get), i32.constant(COLON)), [...step(v.p, 1), ...lookUp(v)]),
    ),
  ];
}

const addressOf = (v: KeyVariables, node: Variable): Code => i32.add(v.nodes.get, i32.shiftLeft(node.get, i32.constant(3)));
const kindOf = (v: KeyVariables, node: Variable): Code => i32.load(addressOf(v, node), 0);
const inside = (v: KeyVariables, node: Variable): Code => i32.load(addressOf(v, node), 4);

function open(v: KeyVariables): Code {
  const enterObject = [...v.node.set(v.child.get), ...put(v.inObject, 1), ...put(v.keyNext, 1)];
  const enterList = [...v.child.set(inside(v, v.child)), ...v.node.set(v.child.get), ...put(v.inObject, 0), ...put(v.keyNext, 0)];
  // an object where a list should be, and the other way round, is a bad row
  const isOther = i32.or(
    i32.ne(is(v.byte, OPEN_OBJECT), i32.lt(kindOf(v, v.child), i32.constant(nodeKind.list))),
    i32.gt(kindOf(v, v.child), i32.constant(nodeKind.list)),
  );
  return control.when([v.passedOver.get, i32.isZero(v.child.get), isOther].reduce(i32.or), step(v.passedOver, 1), [
    ...i32.store(v.top.get, 0, i32.or(i32.shiftLeft(v.node.get, i32.constant(1)), v.inObject.get)),
    ...step(v.top, 4),
    ...control.when(is(v.byte, OPEN_OBJECT), enterObject, enterList),
  ]);
}

function close(v: KeyVariables): Code {
  const leave = [
    ...step(v.top, -4),
    ...v.node.set(i32.shiftRight(i32.load(v.top.get, 0), i32.constant(1))),
    ...v.inObject.set(i32.and(i32.load(v.top.get, 0), i32.constant(1))),
    // another element of a list is like the one before
    ...v.child.set(v.node.get),
    ...put(v.keyNext, 0),
  ];
  return control.when(
    v.passedOver.get,
    step(v.passedOver, -1),
    control.when(i32.gt(v.top.get, i32.load(v.state.get, keyState.stack)), leave),
  );
}

function lookUp(v: KeyVariables): Code {
  const load = [
    ...v.entry.set(i32.add(v.table.get, i32.shiftLeft(i32.and(v.slot.get, v.mask.get), i32.constant(4)))),
    ...v.found.set(i64.load(v.entry.get, 0)),
  ];
  const keyBytes = i64.fromI32(i32.sub(v.keyEnd.get, v.keyStart.get));
  const search = [
    // never 0, which is a free entry
    ...v.hash.set(i64.or(i64.xor(v.hash.get, i64.shiftLeft(keyBytes, i64.constant(1n))), i64.constant(1n))),
    ...v.slot.set(i32.fromI64(i64.shiftRight(v.hash.get, i64.constant(1n)))),
    ...load,
    ...control.whilst(i32.isZero(i32.or(i64.isZero(v.found.get), i64.eq(v.found.get, v.hash.get))), [...step(v.slot, 1), ...load]),
    ...control.when(i64.isZero(v.found.get), put(v.event, keyEvent.unknown), [
      ...v.child.set(i32.load(v.entry.get, 8)),
      ...i32.store(v.entry.get, 12, i32.add(i32.load(v.entry.get, 12), i32.constant(1))),
    ]),
  ];
  return control.when(
    i32.eq(kindOf(v, v.node), i32.constant(nodeKind.struct)),
    control.when(v.isEscaped.get, put(v.event, keyEvent.escaped), search),
    v.child.set(inside(v, v.node)),
  );
}
