import { FanlakeError } from '../errors.ts';
import { keysFunction } from './key-kernel-code.ts';
import { byteClass, entryBytes, hashFactors, hashShift, keyEvent, keyState, nodeBytes, nodeKind } from './key-kernel-state.ts';
import { assemble } from './wasm.ts';

/** What of the engine's WebAssembly is used; its types come with the DOM's, which this project doesn't have. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (
    module: object,
    imports: object,
  ) => { readonly exports: Readonly<Record<string, (...parameters: readonly number[]) => void>> };
};

const stateAddress = 64;
const masksAddress = 192;
const classesAddress = 256;
const stackAddress = 512;
/** A call looks at so many bytes at most. */
const windowBytes = 2 ** 16;
/** A longer key is none that is known. */
const longestKeyBytes = 2 ** 15;
/** Levels of nested types that are looked into. */
export const mostLevels = 200;
const windowAddress = 2048;
/** The window is read by 16 bytes, so beyond its end. */
const nodesAddress = windowAddress + windowBytes + 64;
const pageBytes = 2 ** 16;
/** Of a key that is too long so many are shown. */
const keptKeyBytes = 100;
const lineFeed = 0x0a;

const classes: readonly (readonly [string, number])[] = [
  ['"', byteClass.quote],
  ['{', byteClass.open],
  ['[', byteClass.open],
  ['}', byteClass.close],
  [']', byteClass.close],
  [',', byteClass.comma],
  ['\n', byteClass.newline],
  ['n', byteClass.n],
  ['.', byteClass.fraction],
  ['e', byteClass.fraction],
  ['E', byteClass.fraction],
];

/** A type of columns or inside of them. */
export interface KeyNode {
  readonly kind: keyof typeof nodeKind;
  /** The node of the elements of a list or the values of a map; else 0. */
  readonly inside: number;
}

/** A key of a struct: its name as UTF-8, the struct's node and the node of its value. */
export interface NodeKey {
  readonly node: number;
  readonly name: string;
  readonly child: number;
}

/** What a walk comes upon when the table doesn't settle a key. */
export interface MetKey {
  readonly node: number;
  /** The key as it is written, or the beginning of one that is too long to be known. */
  readonly written: Uint8Array;
  readonly hash: bigint;
  readonly isWhole: boolean;
  readonly isEscaped: boolean;
}

/** Addresses of a key. */
interface KeyPlace {
  readonly start: number;
  readonly end: number;
  readonly isWhole: boolean;
  readonly isEscaped: boolean;
}

/** The hash by which the table knows a key; see `hashFactors`. */
function hashOf(node: number, name: string): bigint {
  const bytes = new TextEncoder().encode(name);
  const padded = new DataView(new ArrayBuffer(16 * (Math.floor(bytes.length / 16) + 1)));
  new Uint8Array(padded.buffer).set(bytes);
  let hash = BigInt.asUintN(64, BigInt(node + 1) * hashFactors.node);
  for (let at = 0; at < padded.byteLength; at += 8) {
    const factor = at % 16 === 0 ? hashFactors.low : hashFactors.high;
    hash = BigInt.asUintN(64, (hash ^ padded.getBigUint64(at, true)) * factor);
    hash ^= hash >> hashShift;
  }
  return (hash ^ BigInt(2 * bytes.length)) | 1n;
}

/** The memory of the walk over keys: one per process, taken over by one walk after another. */
export class KeyMemory {
  private readonly memory = new WebAssembly.Memory({ initial: 4 });
  private readonly run: (...parameters: readonly number[]) => void;
  private tableAddress = 0;
  private mask = 0;
  /** Bytes at the window's start that begin a key. */
  private cutBytes = 0;

  constructor() {
    const module = new WebAssembly.Module(assemble([keysFunction()], 1));
    const run = new WebAssembly.Instance(module, { env: { memory: this.memory } }).exports['keys'];
    if (run === undefined) throw new FanlakeError('internal', "building the kernel function keys: the module doesn't export it");
    this.run = run;
  }

  /**
   * Begins a walk at the start of a line.
   * @param nodes of each node its kind, and the node of its elements or values @param room for keys that are added later
   */
  begin(nodes: readonly KeyNode[], keys: readonly NodeKey[], root: number, room: number): void {
    const entries = 2 ** Math.ceil(Math.log2(2 * (keys.length + room) + 1));
    this.tableAddress = (nodesAddress + nodes.length * nodeBytes + 7) & ~7;
    this.mask = entries - 1;
    const missing = this.tableAddress + entries * entryBytes - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / pageBytes));
    const view = new DataView(this.memory.buffer);
    new Uint8Array(this.memory.buffer).fill(0, 0, windowAddress);
    new Uint8Array(this.memory.buffer).fill(0xff, masksAddress, masksAddress + 16);
    this.cutBytes = 0;
    new Uint8Array(this.memory.buffer, this.tableAddress, entries * entryBytes).fill(0);
    for (const [byte, value] of classes) view.setUint8(classesAddress + byte.charCodeAt(0), value);
    for (const [index, { kind, inside }] of nodes.entries()) {
      view.setInt32(nodesAddress + index * nodeBytes, nodeKind[kind], true);
      view.setInt32(nodesAddress + index * nodeBytes + 4, inside, true);
    }
    for (const { node, name, child } of keys) this.add(hashOf(node, name), child);
    const state: readonly (readonly [number, number])[] = [
      [keyState.root, root],
      [keyState.child, root],
      [keyState.stack, stackAddress],
      [keyState.top, stackAddress],
    ];
    for (const [offset, value] of state) view.setInt32(stateAddress + offset, value, true);
  }

  /** Adds a key. @returns the place of its count, for `countAt` */
  add(hash: bigint, child: number): number {
    const view = new DataView(this.memory.buffer);
    let slot = Number(BigInt.asUintN(32, hash >> 1n));
    for (;;) {
      const address = this.tableAddress + (slot & this.mask) * entryBytes;
      if (view.getBigUint64(address, true) === 0n) {
        view.setBigUint64(address, hash, true);
        view.setInt32(address + 8, child, true);
        return address + 12;
      }
      slot += 1;
    }
  }

  /** Whether the value of a line began with an n. */
  get metNullLine(): boolean {
    return new DataView(this.memory.buffer).getInt32(stateAddress + keyState.nullLine, true) !== 0;
  }

  /** Whether a node of whole numbers met nothing else but null. */
  isWhole(node: number): boolean {
    return new DataView(this.memory.buffer).getInt32(nodesAddress + node * nodeBytes + 4, true) === 0;
  }

  countAt(place: number): number {
    return new DataView(this.memory.buffer).getUint32(place, true);
  }

  /** Walks on. @param onKey settles a key: answers the node of its value */
  walk(bytes: Uint8Array, onKey: (key: MetKey) => number): void {
    for (let start = 0; start < bytes.length; ) {
      const piece = bytes.subarray(start, start + windowBytes - this.cutBytes);
      new Uint8Array(this.memory.buffer, windowAddress + this.cutBytes).set(piece);
      this.walkWindow(this.cutBytes + piece.length, onKey);
      start += piece.length;
    }
  }

  private walkWindow(length: number, onKey: (key: MetKey) => number): void {
    const view = new DataView(this.memory.buffer);
    const state = (offset: number): number => view.getInt32(stateAddress + offset, true);
    const end = windowAddress + length;
    view.setUint8(end, lineFeed);
    this.cutBytes = 0;
    for (let at = windowAddress; at < end; at = state(keyState.at)) {
      this.run(at, end, stateAddress, classesAddress, nodesAddress, this.tableAddress, this.mask, masksAddress);
      const event = state(keyState.event);
      if (event === keyEvent.cut) {
        this.keepCut(state(keyState.at), end, onKey);
        return;
      }
      const key = { start: state(keyState.keyStart), end: state(keyState.keyEnd), isWhole: true, isEscaped: event === keyEvent.escaped };
      if (event !== keyEvent.none) this.settle(key, onKey);
    }
  }

  private settle({ start, end, isWhole, isEscaped }: KeyPlace, onKey: (key: MetKey) => number): void {
    const view = new DataView(this.memory.buffer);
    const node = view.getInt32(stateAddress + keyState.node, true);
    const hash = view.getBigUint64(stateAddress + keyState.hash, true);
    const written = new Uint8Array(this.memory.buffer, start, end - start);
    view.setInt32(stateAddress + keyState.child, onKey({ node, written, hash, isWhole, isEscaped }), true);
  }

  /** The key that begins at `at` is walked through when the rest of it is there; one that is too long for that is passed over like a value. */
  private keepCut(at: number, end: number, onKey: (key: MetKey) => number): void {
    if (end - at <= longestKeyBytes) {
      new Uint8Array(this.memory.buffer).copyWithin(windowAddress, at, end);
      this.cutBytes = end - at;
      return;
    }
    const view = new DataView(this.memory.buffer);
    this.settle({ start: at + 1, end: at + 1 + keptKeyBytes, isWhole: false, isEscaped: true }, onKey);
    view.setInt32(stateAddress + keyState.mode, 1, true);
    view.setInt32(stateAddress + keyState.keyNext, 0, true);
    // what was walked through may end in a backslash
    this.walkAgain(at + 1, end, onKey);
  }

  /** Walks through the rest of a window once more, in a state that was set. */
  private walkAgain(start: number, end: number, onKey: (key: MetKey) => number): void {
    new Uint8Array(this.memory.buffer).copyWithin(windowAddress, start, end);
    this.walkWindow(end - start, onKey);
  }
}

let shared: KeyMemory | undefined;

/** The process's memory, made when first asked for. */
export function keyMemory(): KeyMemory {
  shared ??= new KeyMemory();
  return shared;
}
