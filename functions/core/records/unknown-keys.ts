import { addIgnored, type Ignored } from '../ignored-keys.ts';
import type { Column } from '../layout.ts';
import { type DuckType, parseDuckType } from '../table-log/duck-type.ts';
import { type KeyNode, keyMemory, type MetKey, mostLevels, type NodeKey } from './key-memory.ts';

/** Keys that one split tells apart. */
const mostToldApart = 1000;

/** A column as JSON is searched for it. */
export interface SoughtColumn extends Column {
  /** Whether to find out if all its whole numbers, nested ones too, are written with digits alone. They must be of at most 64 bits. */
  readonly wholeNumbers?: boolean;
}

interface Node extends KeyNode {
  readonly path: string;
}

const wholeTypes = /^U?(TINYINT|SMALLINT|INTEGER|BIGINT)$/;

/** The nodes of the columns' types; node 0 is a value of which any key is held: text, JSON. */
class Nodes {
  readonly nodes: Node[] = [{ kind: 'any', inside: 0, path: '' }];
  readonly keys: NodeKey[] = [];
  /** The nodes of whole numbers that are looked at, by column. */
  readonly wholes = new Map<string, number[]>();
  private looked: number[] | null = null;

  root(columns: readonly SoughtColumn[]): number {
    const root = this.nodes.push({ kind: 'struct', inside: 0, path: '' }) - 1;
    for (const { name, type, wholeNumbers = false } of columns) {
      this.looked = wholeNumbers ? [] : null;
      this.keys.push({ node: root, name, child: this.of(typeOf(type), pathOf('', name), 1) });
      if (this.looked !== null) this.wholes.set(name, this.looked);
    }
    return root;
  }

  private struct(fields: readonly { readonly name: string; readonly type: DuckType }[], path: string, level: number): number {
    const node = this.nodes.push({ kind: 'struct', inside: 0, path }) - 1;
    for (const { name, type } of fields) this.keys.push({ node, name, child: this.of(type, pathOf(path, name), level + 1) });
    return node;
  }

  private of(type: DuckType, path: string, level: number): number {
    if (level >= mostLevels) {
      // what isn't looked at may be anything
      this.looked = null;
      return 0;
    }
    if (type.kind === 'struct') return type.fields.some(({ name }) => name === '') ? 0 : this.struct(type.fields, path, level);
    if (type.kind === 'list' || type.kind === 'array') return this.around('list', this.of(type.element, `${path}[]`, level + 1), path);
    if (type.kind === 'map') return this.around('map', this.of(type.value, `${path}{}`, level + 1), path);
    return type.kind === 'scalar' && wholeTypes.test(type.name) ? this.whole(path) : 0;
  }

  private whole(path: string): number {
    if (this.looked === null) return 0;
    const node = this.nodes.push({ kind: 'whole', inside: 0, path }) - 1;
    this.looked.push(node);
    return node;
  }

  private around(kind: 'list' | 'map', inside: number, path: string): number {
    return inside === 0 ? 0 : this.nodes.push({ kind, inside, path }) - 1;
  }
}

/** A type that isn't known here is of no interest: the engine says what is wrong with it. */
function typeOf(text: string): DuckType {
  try {
    return parseDuckType(text);
  } catch {
    return { kind: 'scalar', name: text };
  }
}

function pathOf(path: string, key: string): string {
  const name = /^[\p{L}_][\p{L}\p{N}_-]*$/u.test(key) ? key : JSON.stringify(key);
  return path === '' ? name : `${path}.${name}`;
}

/** The key that these bytes write between quotes; what isn't JSON is shown as it is. */
function readKey(written: Uint8Array): string {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(written);
  try {
    const key: unknown = JSON.parse(`"${text}"`);
    return typeof key === 'string' ? key : text;
  } catch {
    return text;
  }
}

/**
 * Finds the keys in lines of JSON that columns don't hold, at any depth: their values aren't read, and somebody must be told. Takes the bytes piece by piece,
 * cut anywhere, from a line's start on; costs about 1 ns a byte. Two keys of an object whose hashes of 64 bits are equal would be taken for one.
 * One walk at a time: a new one ends the one before.
 */
export class UnknownKeys {
  private readonly nodes = new Nodes();
  private readonly known = new Map<string, number>();
  private readonly places = new Map<string, number>();
  private readonly counts = new Map<string, number>();
  private untold = 0;

  /** @param columns under the names of their keys in the objects */
  constructor(columns: readonly SoughtColumn[]) {
    const root = this.nodes.root(columns);
    for (const { node, name, child } of this.nodes.keys) this.known.set(`${node}:${name}`, child);
    keyMemory().begin(this.nodes.nodes, this.nodes.keys, root, mostToldApart);
  }

  push(bytes: Uint8Array): void {
    keyMemory().walk(bytes, (key) => this.settle(key));
  }

  /** What was found so far, in lines that are set aside too. */
  get found(): Ignored {
    const counts = new Map(this.counts);
    for (const [key, place] of this.places) counts.set(key, (counts.get(key) ?? 0) + keyMemory().countAt(place));
    const keys = [...counts].map(([key, values]) => ({ key, values }));
    const told = keys.reduce((sum, { values }) => sum + values, 0);
    return addIgnored([{ values: told + this.untold, keys }]);
  }

  /** The columns of which every whole number so far was written with digits alone; of those of which that was asked. */
  get wholeColumns(): readonly string[] {
    return [...this.nodes.wholes].flatMap(([name, nodes]) => (nodes.every((node) => keyMemory().isWhole(node)) ? [name] : []));
  }

  /** Whether a line may be `null`, which the engine's reader takes for an object without keys. */
  get metNullLine(): boolean {
    return keyMemory().metNullLine;
  }

  private settle({ node, written, hash, isWhole, isEscaped }: MetKey): number {
    const around = this.nodes.nodes[node];
    if (around?.kind !== 'struct') return around?.inside ?? 0;
    const key = isWhole ? readKey(written) : `${readKey(written)}...`;
    const child = isWhole && isEscaped ? this.known.get(`${node}:${key}`) : undefined;
    if (child !== undefined) return child;
    const path = pathOf(around.path, key);
    if (!this.counts.has(path) && this.counts.size >= mostToldApart) {
      this.untold += 1;
      return 0;
    }
    this.counts.set(path, (this.counts.get(path) ?? 0) + 1);
    // the next ones of the same spelling are counted without asking
    if (isWhole && !isEscaped && this.places.size < mostToldApart) this.places.set(path, keyMemory().add(hash, 0));
    return 0;
  }
}
