/** A point in time between the years 1 and 9999, to the microsecond. */
export interface UtcTimestamp {
  /** `2020-01-31T23:59:59.123456Z` */
  toMicroseconds(): string;
  /** `2020-01-31T23:59:59.123Z`, the latest such that isn't later. */
  floorToMilliseconds(): string;
  /** The earliest such that isn't earlier; null past the year 9999. */
  ceilToMilliseconds(): string | null;
}

const pattern = /^(\d{4})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(?:([+-])(\d{2})(?::(\d{2}))?(?::(\d{2}))?)?$/;

const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const firstMs = Date.parse('0001-01-01T00:00:00.000Z');

/**
 * Reads DuckDB's text of a TIMESTAMP or TIMESTAMP WITH TIME ZONE, `2020-01-31 23:59:59.123456+00`; without an offset it is UTC. Null for what Delta's
 * readers don't agree on: infinity, years before 1 and past 9999.
 */
export function utcTimestamp(text: string): UtcTimestamp | null {
  const match = pattern.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second, fraction = '', sign = '+', offsetHours = '0', offsetMinutes = '0', offsetSeconds = '0'] =
    match;
  const local = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`);
  const offsetMs = (Number(offsetHours) * 3600 + Number(offsetMinutes) * 60 + Number(offsetSeconds)) * 1000;
  const wholeSecondMs = local - (sign === '-' ? -offsetMs : offsetMs);
  const micros = fraction.padEnd(6, '0');
  const floorMs = wholeSecondMs + Number(micros.slice(0, 3));
  if (Number.isNaN(floorMs) || floorMs < firstMs || floorMs > lastMs) return null;
  const restMicros = micros.slice(3);
  return {
    toMicroseconds: () => new Date(floorMs).toISOString().replace('Z', `${restMicros}Z`),
    floorToMilliseconds: () => new Date(floorMs).toISOString(),
    ceilToMilliseconds: () => {
      const ceilMs = restMicros === '000' ? floorMs : floorMs + 1;
      return ceilMs > lastMs ? null : new Date(ceilMs).toISOString();
    },
  };
}
