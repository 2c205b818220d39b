import { Command } from 'commander';
import { FanlakeError } from '../../functions/core/errors.ts';
import type { ObjectStore } from '../../functions/core/ports.ts';
import { atPlace, type PlaceOptions } from '../at-place.ts';
import { exitCodes } from '../exit-code.ts';
import type { Home } from '../local/home.ts';
import { queryAt } from '../query-at.ts';
import { explainQueryMistake } from '../query-mistake.ts';
import { renderRows, rowsDocument } from '../render/rows.ts';
import { addLimit, type LimitOptions, limitFor } from '../row-limit.ts';
import type { Shell } from '../shell.ts';
import type { Stack } from '../stack/stack.ts';
import { readTable, type StoredTable } from '../store/table-files.ts';
import { listTables, type NamedTable } from '../store/tables.ts';

interface QueryOptions extends LimitOptions, PlaceOptions {
  readonly json?: boolean;
}

const help = `
Examples:
  fanlake query "SHOW TABLES"
  fanlake query "SELECT year, count(*) FROM bird_strikes GROUP BY year ORDER BY year"
  fanlake query "DESCRIBE bird_strikes" --json
  fanlake query "SELECT count(*) FROM bird_strikes" --stack lake

Only reads: SELECT, DESCRIBE, SUMMARIZE, SHOW TABLES, EXPLAIN. A stack's data files are brought to this machine for
the query, those of the tables that it names, and deleted afterwards. With --json whole numbers of any width are numbers with all their digits, decimals are texts.`;

/** `fanlake query <SQL>`: reads the tables by their names. */
export function queryCommand(shell: Shell): Command {
  const command = new Command('query')
    .description('read tables by their names')
    .argument('<SQL>', "one SELECT in DuckDB's SQL over the tables of <home> or <stack>");
  return addLimit(command)
    .addHelpText('after', help)
    .action((sql: string, options: QueryOptions) => atPlace(shell, options, (place) => query(shell, place, sql, options)));
}

async function query(shell: Shell, place: Home | Stack, sql: string, options: QueryOptions): Promise<void> {
  const json = options.json === true;
  if (sql.trim() === '') throw new FanlakeError('usage', 'The query is empty: give one SELECT. Look at: fanlake query --help');
  const { lake } = place.stores;
  const known = await listTables(lake);
  const tables = await mentioned(lake, known, sql);
  const answer = await queryAt(place, shell, tables, sql, limitFor(options, shell, json)).catch((thrown: unknown) => {
    if (!(thrown instanceof FanlakeError)) throw thrown;
    throw explainQueryMistake(thrown, { place, names: known.map(({ name }) => name), tables });
  });
  shell.answer({ exitCode: exitCodes.ok, json: rowsDocument(answer), text: renderRows(answer, shell.style) }, json);
}

/** What asks for tables without naming them. */
const asksForTables = /\bshow\b|\binformation_schema\b|\bduckdb_(tables|views|columns)\b/i;
/** What is answered from columns alone. */
const asksForColumns = /^\s*(describe|desc|show)\b/i;

/** The tables that a query can mean: those whose name stands somewhere in it. One that has no columns yet is left out. */
async function mentioned(lake: ObjectStore, known: readonly NamedTable[], sql: string): Promise<readonly StoredTable[]> {
  const names = new Set(sql.toLowerCase().match(/[a-z0-9_]+/g));
  const found: StoredTable[] = [];
  for (const table of known) {
    const isNamed = names.has(table.name);
    if (!isNamed && !asksForTables.test(sql)) continue;
    const stored = await readTable(lake, table);
    if (stored !== null) found.push(isNamed && !asksForColumns.test(sql) ? stored : { ...stored, files: [] });
  }
  return found;
}
