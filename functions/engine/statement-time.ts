import { literal } from './sql-text.ts';

/** Whether a query may ask for the time; also of one that but has such a word in it. */
export const asksForTime = (sql: string): boolean =>
  /\b(now|today|ago|age|current_\w+|get_current_\w+|transaction_timestamp|local\w+)\b/i.test(sql);

/**
 * Statements that make all functions that tell the time tell this one: an engine gives a statement one time, and a query is a statement, however many tasks and attempts run it.
 * Macros of the connection go before the engine's own functions, also where the query writes `current_date` without parentheses.
 * @param ms since 1970 UTC
 */
export function timeMacros(ms: number): string {
  const at = `CAST(${literal(new Date(ms).toISOString())} AS TIMESTAMP WITH TIME ZONE)`;
  const [date, local, time] = [`CAST(${at} AS DATE)`, `CAST(${at} AS TIMESTAMP)`, `CAST(${at} AS TIME WITH TIME ZONE)`];
  const values: Readonly<Record<string, string>> = {
    now: at,
    current_timestamp: at,
    get_current_timestamp: at,
    transaction_timestamp: at,
    current_date: date,
    today: date,
    current_time: time,
    get_current_time: time,
    localtime: `CAST(${local} AS TIME)`,
    current_localtime: `CAST(${local} AS TIME)`,
    localtimestamp: local,
    current_localtimestamp: local,
  };
  const macros = Object.entries(values).map(([name, value]) => `CREATE OR REPLACE TEMP MACRO ${name}() AS ${value}`);
  // of one time it counts from the midnight of today
  const age = `CREATE OR REPLACE TEMP MACRO age(a) AS system.main.age(${date}, a), (a, b) AS system.main.age(a, b)`;
  return [...macros, age].join(';\n');
}
