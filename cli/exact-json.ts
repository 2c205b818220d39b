import { FanlakeError } from '../functions/core/errors.ts';
import { type DuckType, parseDuckType } from '../functions/core/table-log/duck-type.ts';

declare global {
  interface JSON {
    /** A JSON text that `stringify` prints as it stands. In Node 24, and not yet in TypeScript's library. */
    rawJSON(text: string): object;
  }
}

type Convert = (value: unknown) => unknown;

const wholeNumbers = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|BIGNUM)$/;

const same: Convert = (value) => value;

/** What the engine gives as text because a double can't hold it becomes a JSON number with all its digits. */
const wholeNumber: Convert = (value) => (typeof value === 'string' && /^-?\d+$/.test(value) ? JSON.rawJSON(value) : value);

/**
 * How values of a column are printed as JSON: decided by the type alone, so that one column never has numbers and texts. Whole numbers of any width are
 * JSON numbers with all their digits, in lists, structs and maps too; the others are as the engine gives them (functions/engine/json-value.ts).
 * @param type as the engine names it
 */
export function exactJson(type: string): Convert {
  try {
    return convertOf(parseDuckType(type));
  } catch (thrown) {
    // a type that no column of a table can have
    if (thrown instanceof FanlakeError) return same;
    throw thrown;
  }
}

function convertOf(type: DuckType): Convert {
  switch (type.kind) {
    case 'scalar':
      return wholeNumbers.test(type.name) ? wholeNumber : same;
    case 'list':
    case 'array':
      return listOf(convertOf(type.element));
    case 'map':
      return listOf(fieldsOf({ key: convertOf(type.key), value: convertOf(type.value) }));
    case 'struct':
      return fieldsOf(Object.fromEntries(type.fields.map((field) => [field.name, convertOf(field.type)])));
    case 'union':
      return unionOf(Object.fromEntries(type.fields.map((field) => [field.name, convertOf(field.type)])));
    case 'decimal':
    case 'enum':
      return same;
  }
}

function listOf(convert: Convert): Convert {
  if (convert === same) return same;
  return (value) => (Array.isArray(value) ? value.map(convert) : value);
}

function fieldsOf(converts: Readonly<Record<string, Convert>>): Convert {
  if (Object.values(converts).every((convert) => convert === same)) return same;
  return (value) => {
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, (converts[name] ?? same)(inner)]));
  };
}

/** The engine gives a union's value as `{ tag, value }`. */
function unionOf(converts: Readonly<Record<string, Convert>>): Convert {
  return (value) => {
    if (typeof value !== 'object' || value === null || !('tag' in value) || !('value' in value)) return value;
    return { ...value, value: (converts[String(value.tag)] ?? same)(value.value) };
  };
}
