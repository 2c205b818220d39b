import { FanlakeError } from '../errors.ts';

/** A DuckDB type, parsed. A struct's field without a name (of `row(1, 2)`) has the name ''. */
export type DuckType =
  | { readonly kind: 'scalar'; readonly name: string }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'enum'; readonly values: readonly string[] }
  | { readonly kind: 'list'; readonly element: DuckType }
  | { readonly kind: 'array'; readonly element: DuckType; readonly size: number }
  | { readonly kind: 'map'; readonly key: DuckType; readonly value: DuckType }
  | { readonly kind: 'struct' | 'union'; readonly fields: readonly DuckField[] };

export interface DuckField {
  readonly name: string;
  readonly type: DuckType;
}

/** Other spellings that people type in a job's `columns`; DESCRIBE prints the right-hand ones. */
const canonicalNames: Readonly<Record<string, string>> = {
  TIMESTAMPTZ: 'TIMESTAMP WITH TIME ZONE',
  TIMETZ: 'TIME WITH TIME ZONE',
  DATETIME: 'TIMESTAMP',
  INT: 'INTEGER',
  INT4: 'INTEGER',
  INT8: 'BIGINT',
  LONG: 'BIGINT',
  INT2: 'SMALLINT',
  SHORT: 'SMALLINT',
  INT1: 'TINYINT',
  TEXT: 'VARCHAR',
  STRING: 'VARCHAR',
  BOOL: 'BOOLEAN',
  REAL: 'FLOAT',
  FLOAT4: 'FLOAT',
  FLOAT8: 'DOUBLE',
  BYTEA: 'BLOB',
  BINARY: 'BLOB',
  VARBINARY: 'BLOB',
  NUMERIC: 'DECIMAL',
};

/** Reads a type's text from left to right; `at` is the next character. */
class TypeReader {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  whole(): DuckType {
    const type = this.type();
    this.spaces();
    if (this.at < this.text.length) this.fail(`'${this.text.slice(this.at)}' was left over`);
    return type;
  }

  private fail(found: string): never {
    throw new FanlakeError('table.type', `the type '${this.text}' can't be read: ${found}. Write a type as DESCRIBE prints it.`, {
      type: this.text,
    });
  }

  private spaces(): void {
    while (this.text[this.at] === ' ') this.at += 1;
  }

  private take(token: string): boolean {
    this.spaces();
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  private expect(token: string): void {
    if (!this.take(token)) this.fail(`'${token}' was expected at position ${this.at}`);
  }

  /** The inside of a quoted text; a doubled quote stands for one. */
  private quoted(quote: string): string {
    this.expect(quote);
    let inside = '';
    for (;;) {
      const end = this.text.indexOf(quote, this.at);
      if (end < 0) this.fail(`a ${quote} is not closed`);
      inside += this.text.slice(this.at, end);
      this.at = end + 1;
      if (this.text[this.at] !== quote) return inside;
      inside += quote;
      this.at += 1;
    }
  }

  private word(): string {
    this.spaces();
    if (this.text[this.at] === '"') return this.quoted('"');
    const word = /^[^\s(),"[\]]+/.exec(this.text.slice(this.at))?.[0];
    if (word === undefined) this.fail(`a name was expected at position ${this.at}`);
    this.at += word.length;
    return word;
  }

  private number(): number {
    this.spaces();
    const digits = /^\d+/.exec(this.text.slice(this.at))?.[0];
    if (digits === undefined) this.fail(`a number was expected at position ${this.at}`);
    this.at += digits.length;
    return Number(digits);
  }

  private type(): DuckType {
    let type = this.bare();
    while (this.take('[')) {
      if (this.take(']')) {
        type = { kind: 'list', element: type };
      } else {
        type = { kind: 'array', element: type, size: this.number() };
        this.expect(']');
      }
    }
    return type;
  }

  private bare(): DuckType {
    const written = this.word().toUpperCase();
    if (this.take('WITH TIME ZONE')) return { kind: 'scalar', name: `${written} WITH TIME ZONE` };
    const name = Object.hasOwn(canonicalNames, written) ? (canonicalNames[written] ?? written) : written;
    if (name === 'DECIMAL') return this.decimal();
    if (!this.take('(')) return { kind: 'scalar', name };
    if (name === 'STRUCT' || name === 'UNION')
      return { kind: name === 'STRUCT' ? 'struct' : 'union', fields: this.list(() => this.field()) };
    if (name === 'ENUM') return { kind: 'enum', values: this.list(() => this.quoted("'")) };
    if (name === 'MAP') return this.map();
    // What other parameters say (a coordinate system, a width of bits) doesn't change whether and how we store the type.
    this.list(() => this.parameter());
    return { kind: 'scalar', name };
  }

  private parameter(): string {
    this.spaces();
    return this.text[this.at] === "'" ? this.quoted("'") : this.word();
  }

  private decimal(): DuckType {
    if (!this.take('(')) return { kind: 'decimal', precision: 18, scale: 3 };
    const [precision = 18, scale = 0] = this.list(() => this.number());
    return { kind: 'decimal', precision, scale };
  }

  private map(): DuckType {
    const [key, value] = this.list(() => this.type());
    if (key === undefined || value === undefined) this.fail('a MAP has a key and a value type');
    return { kind: 'map', key, value };
  }

  /** A struct's field: `name TYPE`, or the type alone in an unnamed struct. */
  private field(): DuckField {
    const start = this.at;
    const name = this.word();
    this.spaces();
    const next = this.text[this.at];
    const isNamed = next !== ',' && next !== ')' && next !== '(' && next !== '[' && !this.text.startsWith('WITH TIME ZONE', this.at);
    if (isNamed) return { name, type: this.type() };
    this.at = start;
    return { name: '', type: this.type() };
  }

  /** Items between commas up to the closing parenthesis; the opening one was taken. */
  private list<Item>(item: () => Item): Item[] {
    const items: Item[] = [];
    do {
      items.push(item());
    } while (this.take(','));
    this.expect(')');
    return items;
  }
}

/**
 * Reads a DuckDB type as `DESCRIBE` prints it, such as `STRUCT(a INTEGER, "b c" VARCHAR[])`.
 * @throws FanlakeError `table.type` for text that isn't a type
 */
export function parseDuckType(text: string): DuckType {
  return new TypeReader(text).whole();
}

/** `name` as an identifier in DuckDB's SQL: always in double quotes. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The type as text that DuckDB reads. Field names are always quoted. */
export function printDuckType(type: DuckType): string {
  switch (type.kind) {
    case 'scalar':
      return type.name;
    case 'decimal':
      return `DECIMAL(${type.precision},${type.scale})`;
    case 'enum':
      return `ENUM(${type.values.map((value) => `'${value.replaceAll("'", "''")}'`).join(', ')})`;
    case 'list':
      return `${printDuckType(type.element)}[]`;
    case 'array':
      return `${printDuckType(type.element)}[${type.size}]`;
    case 'map':
      return `MAP(${printDuckType(type.key)}, ${printDuckType(type.value)})`;
    case 'struct':
    case 'union': {
      const fields = type.fields.map(({ name, type: inner }) => (name === '' ? '' : `${quoteIdentifier(name)} `) + printDuckType(inner));
      return `${type.kind.toUpperCase()}(${fields.join(', ')})`;
    }
  }
}
