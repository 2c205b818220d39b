import { type DuckType, parseDuckType } from '../table-log/duck-type.ts';

function hasInterval(type: DuckType): boolean {
  switch (type.kind) {
    case 'scalar':
      return type.name === 'INTERVAL';
    case 'decimal':
    case 'enum':
      return false;
    case 'list':
    case 'array':
      return hasInterval(type.element);
    case 'map':
      return hasInterval(type.key) || hasInterval(type.value);
    case 'union':
    case 'struct':
      return type.fields.some((field) => hasInterval(field.type));
  }
}

/**
 * Whether values of a type have sort keys that compare as ORDER BY does. An INTERVAL within a nested value hasn't: `30 days` and `1 month` are equal, and have two
 * keys (DuckDB 1.5.5; of a column that is one, ORDER BY compares another form, which has one).
 * @param type as `DESCRIBE` prints it
 */
export function hasSortKey(type: string): boolean {
  const parsed = parseDuckType(type);
  return parsed.kind === 'scalar' || !hasInterval(parsed);
}
