import { FanlakeError } from '../functions/core/errors.ts';
import type { Column } from '../functions/core/layout.ts';
import { didYouMean } from '../functions/core/nearest.ts';
import { missingColumnIn } from '../functions/engine/errors.ts';
import type { Place } from './store/place.ts';

/** What a query could have meant. */
export interface Readable {
  readonly place: Place;
  /** Names of all tables there. */
  readonly names: readonly string[];
  /** The tables that the query names, with their columns. */
  readonly tables: readonly { readonly name: string; readonly columns: readonly Column[] }[];
}

/** Names that an error lists at most. */
const listedNames = 50;

/** An error of a query over tables, with what the engine can't know: which tables and columns there are, and what to do. */
export function explainQueryMistake(error: FanlakeError, readable: Readable): FanlakeError {
  const table = /Table with name "?(.+?)"? does not exist/.exec(error.message)?.[1];
  if (table !== undefined) return unknownTable(error, table, readable);
  const column = missingColumnIn(error.message);
  if (column !== null) return unknownColumn(error, column, readable);
  const advice = adviceFor(error, readable);
  if (advice === null) return error;
  return new FanlakeError(error.code, `${engineMessage(error)}\n${advice}`, error.details, error);
}

/** The message without the advice that the engine's module gives to a job's query. */
function engineMessage({ message, details }: FanlakeError): string {
  const said = details['engine'];
  const end = typeof said === 'string' ? message.indexOf(said) + said.length : message.length;
  return message.slice(0, end);
}

/** `LINE 1: ...` and the mark under it, where the engine tells it. */
function markOf(message: string): string {
  const place = /^LINE \d+: .*\n *\^/m.exec(message)?.[0];
  return place === undefined ? '' : `\n\n${place}\n`;
}

function listed(names: readonly string[]): string {
  const more = names.length > listedNames ? ` and ${names.length - listedNames} more` : '';
  return `${names.slice(0, listedNames).join(', ')}${more}`;
}

function unknownTable(error: FanlakeError, table: string, { place, names }: Readable): FanlakeError {
  const mark = markOf(error.message);
  if (names.includes(table.toLowerCase())) {
    const message = `The table '${table}' has no columns yet: no run has put a row into it.${mark}`;
    return new FanlakeError('table.unknown', message, { table }, error);
  }
  const list = names.length === 0 ? 'There are no tables yet: load something with fanlake run.' : `There are: ${listed(names)}.`;
  const message = `No table '${table}' in ${place.name}${didYouMean(table, names)}. ${list}${mark}`;
  return new FanlakeError('table.unknown', message, { table, tables: names }, error);
}

function unknownColumn(error: FanlakeError, column: string, { tables }: Readable): FanlakeError {
  const columns = [...new Set(tables.flatMap((table) => table.columns.map(({ name }) => name)))];
  const lists = tables.map((table) => `${table.name} has: ${listed(table.columns.map(({ name }) => name))}.`);
  const advice = [`There is no column '${column}'${didYouMean(column, columns)}.`, ...lists].join('\n');
  return new FanlakeError('query.column', `${engineMessage(error)}\n${advice}`, { ...error.details, column, columns }, error);
}

function adviceFor({ code, message }: FanlakeError, { place, names }: Readable): string | null {
  if (code === 'query.function') {
    return `To look for one: fanlake query "SELECT function_name, parameters, description FROM duckdb_functions() WHERE function_name LIKE '%...%'"`;
  }
  if (code === 'query.column' && /Referenced table .* not found/.test(message)) {
    return 'Before the dot stands a table of the FROM clause, or the alias that it has there.';
  }
  if (code === 'query.forbidden' && /^the query can't be run: Permission Error/.test(message)) {
    const which = names.length === 0 ? 'of which there are none yet' : listed(names);
    const [where, first] =
      place.stack === null
        ? ['this home', 'Load a file first: fanlake run --query "SELECT * FROM input" --table <name> --input <file>']
        : [place.name, `Upload a file first, to ${place.stores.landing.locate('')}<prefix of a job>`];
    return `A query reads the tables of ${where} (${which}) and nothing else. ${first}`;
  }
  if (code === 'input.corrupt') return 'A data file of a table is damaged. Restore it, or load what was in it anew into another table.';
  if (code === 'query.syntax') return 'Correct the query: one SELECT in DuckDB 1.5.';
  return null;
}
