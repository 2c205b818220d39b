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

/** Types that ORDER BY compares by another value than their own, and the function that gives it. */
const compared: Readonly<Record<string, string>> = { INTERVAL: 'normalized_interval', 'TIME WITH TIME ZONE': 'timetz_byte_comparable' };

/** The value of an expression that ORDER BY compares: the one to make a sort key of. @param type as `DESCRIBE` prints it */
export function comparedValue(sql: string, type: string): string {
  const by = compared[type];
  return by === undefined ? sql : `${by}(${sql})`;
}
