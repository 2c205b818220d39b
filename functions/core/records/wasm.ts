/**
 * An assembler for the little WebAssembly that the kernels need. Code is bytes; an operator takes the code of its operands and returns its own, so
 * a kernel reads as expressions. Opcodes: WebAssembly core specification 2.0, appendix "Index of Instructions".
 */
export type Code = readonly number[];

export const valueType = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const;
export type ValueType = (typeof valueType)[keyof typeof valueType];

/** A parameter or a local variable of a function. */
export interface Variable {
  readonly get: Code;
  set(value: Code): Code;
}

type Binary = (a: Code, b: Code) => Code;
type Unary = (a: Code) => Code;

const op1 =
  (...opcode: number[]): Unary =>
  (a) => [...a, ...opcode];
const op2 =
  (...opcode: number[]): Binary =>
  (a, b) => [...a, ...b, ...opcode];

/** Numbers in unsigned LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return bytes;
}

/** Integers in signed LEB128. */
function signed(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = Number(rest & 127n);
    rest >>= 7n;
    if ((rest === 0n && low < 64) || (rest === -1n && low >= 64)) return [...bytes, low];
    bytes.push(low + 128);
  }
}

export const i32 = {
  constant: (value: number): Code => [0x41, ...signed(BigInt(value))],
  load8: (address: Code, offset = 0): Code => [...address, 0x2d, 0, ...unsigned(offset)],
  load: (address: Code, offset: number): Code => [...address, 0x28, 2, ...unsigned(offset)],
  store: (address: Code, offset: number, value: Code): Code => [...address, ...value, 0x36, 2, ...unsigned(offset)],
  store8: (address: Code, offset: number, value: Code): Code => [...address, ...value, 0x3a, 0, ...unsigned(offset)],
  add: op2(0x6a),
  sub: op2(0x6b),
  multiply: op2(0x6c),
  and: op2(0x71),
  or: op2(0x72),
  shiftLeft: op2(0x74),
  shiftRight: op2(0x76),
  isZero: op1(0x45),
  trailingZeros: op1(0x68),
  eq: op2(0x46),
  ne: op2(0x47),
  lt: op2(0x48),
  gt: op2(0x4a),
  le: op2(0x4c),
  ge: op2(0x4e),
  fromI64: op1(0xa7),
} as const;

export const i64 = {
  constant: (value: bigint): Code => [0x42, ...signed(value)],
  load: (address: Code, offset: number): Code => [...address, 0x29, 3, ...unsigned(offset)],
  store: (address: Code, offset: number, value: Code): Code => [...address, ...value, 0x37, 3, ...unsigned(offset)],
  isZero: op1(0x50),
  eq: op2(0x51),
  lessUnsigned: op2(0x54),
  leadingZeros: op1(0x79),
  trailingZeros: op1(0x7a),
  ones: op1(0x7b),
  add: op2(0x7c),
  sub: op2(0x7d),
  multiply: op2(0x7e),
  and: op2(0x83),
  or: op2(0x84),
  xor: op2(0x85),
  shiftLeft: op2(0x86),
  shiftRightSigned: op2(0x87),
  shiftRight: op2(0x88),
  not: (a: Code): Code => [...a, ...i64.constant(-1n), 0x85],
  fromI32: op1(0xad),
} as const;

export const i8x16 = {
  load: (address: Code, offset: number): Code => [...address, 0xfd, 0, 0, ...unsigned(offset)],
  store: (address: Code, value: Code): Code => [...address, ...value, 0xfd, 0x0b, 0, 0],
  splat: op1(0xfd, 0x0f),
  equal: op2(0xfd, 0x23),
  lessUnsigned: op2(0xfd, 0x26),
  sub: op2(0xfd, 0x71),
  and: op2(0xfd, 0x4e),
  or: op2(0xfd, 0x50),
  /** The first (0) or the second (1) eight bytes as an i64. */
  half: (a: Code, index: 0 | 1): Code => [...a, 0xfd, 0x1d, index],
  bitmask: op1(0xfd, 0x64),
} as const;

export const control = {
  /** `yes` when `condition` (i32) isn't 0, else `no`; neither leaves a value. */
  when: (condition: Code, yes: Code, no: Code = []): Code => [
    ...condition,
    0x04,
    0x40,
    ...yes,
    ...(no.length > 0 ? [0x05, ...no] : []),
    0x0b,
  ],
  /** Repeats `body` as long as `condition` (i32) isn't 0, looked at first. */
  whilst: (condition: Code, body: Code): Code => [0x03, 0x40, ...condition, 0x04, 0x40, ...body, 0x0c, 1, 0x0b, 0x0b],
} as const;

/** One function without a result: its parameters and locals are made while its body is written. */
export class WasmFunction {
  readonly name: string;
  private readonly parameters: ValueType[] = [];
  private readonly locals: ValueType[] = [];
  private body: Code = [];

  constructor(name: string) {
    this.name = name;
  }

  /** The next parameter; all are made before the first local. */
  parameter(type: ValueType): Variable {
    this.parameters.push(type);
    return variable(this.parameters.length - 1);
  }

  /** The next local; it starts as 0. */
  local(type: ValueType): Variable {
    this.locals.push(type);
    return variable(this.parameters.length + this.locals.length - 1);
  }

  write(...code: Code[]): void {
    this.body = code.flat();
  }

  typeBytes(): Code {
    return [0x60, ...vector(this.parameters.map((type) => [type])), 0];
  }

  codeBytes(): Code {
    const code = [...vector(this.locals.map((type) => [1, type])), ...this.body, 0x0b];
    return [...unsigned(code.length), ...code];
  }
}

/** A module that imports its memory as `env.memory` and exports `functions` by name. */
export function assemble(functions: readonly WasmFunction[], memoryPages: number): Uint8Array<ArrayBuffer> {
  const section = (id: number, items: readonly Code[]): Code => {
    const content = vector(items);
    return [id, ...unsigned(content.length), ...content];
  };
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      functions.map((f) => f.typeBytes()),
    ),
    ...section(2, [[...name('env'), ...name('memory'), 0x02, 0x00, ...unsigned(memoryPages)]]),
    ...section(
      3,
      functions.map((_, index) => unsigned(index)),
    ),
    ...section(
      7,
      functions.map((f, index) => [...name(f.name), 0x00, ...unsigned(index)]),
    ),
    ...section(
      10,
      functions.map((f) => f.codeBytes()),
    ),
  ]);
}

function variable(index: number): Variable {
  return { get: [0x20, ...unsigned(index)], set: (value) => [...value, 0x21, ...unsigned(index)] };
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function name(text: string): Code {
  return vector([...new TextEncoder().encode(text)].map((byte) => [byte]));
}
