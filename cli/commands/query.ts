import { Command } from 'commander';
import { FanlakeError } from '../../functions/core/errors.ts';
import type { ObjectStore } from '../../functions/core/ports.ts';
import type { TableFiles } from '../../functions/engine/read-tables.ts';
import { exitCodes } from '../exit-code.ts';
import { openHome } from '../local/home.ts';
import { queryTables } from '../local/query-tables.ts';
import { tableFiles } from '../local/table-files.ts';
import { listTables, type NamedTable } from '../local/tables.ts';
import { explainQueryMistake } from '../query-mistake.ts';
import { renderRows, rowsDocument } from '../render/rows.ts';
import { addLimit, type LimitOptions, limitFor } from '../row-limit.ts';
import type { Shell } from '../shell.ts';

interface QueryOptions extends LimitOptions {
  readonly home: string;
  readonly json?: boolean;
}

const help = `
Examples:
  fanlake query "SHOW TABLES"
  fanlake query "SELECT year, count(*) FROM bird_strikes GROUP BY year ORDER BY year"
  fanlake query "DESCRIBE bird_strikes" --json

Only reads: SELECT, DESCRIBE, SUMMARIZE, SHOW TABLES, EXPLAIN. With --json whole numbers of any width are numbers with all their digits, decimals are texts.`;

/** `fanlake query <SQL>`: reads the tables by their names. */
export function queryCommand(shell: Shell): Command {
  const command = new Command('query')
    .description('read tables by their names')
    .argument('<SQL>', "one SELECT in DuckDB's SQL over the tables of <home>");
  return addLimit(command)
    .addHelpText('after', help)
    .action((sql: string, options: QueryOptions) => query(shell, sql, options));
}

async function query(shell: Shell, sql: string, options: QueryOptions): Promise<void> {
  const json = options.json === true;
  const home = openHome(options.home);
  if (sql.trim() === '') throw new FanlakeError('usage', 'The query is empty: give one SELECT. Look at: fanlake query --help');
  const known = await listTables(home.stores.lake);
  const tables = await mentioned(home.stores.lake, known, sql);
  const answer = await queryTables(home, tables, sql, limitFor(options, shell, json)).catch((thrown: unknown) => {
    if (!(thrown instanceof FanlakeError)) throw thrown;
    throw explainQueryMistake(thrown, { homePath: home.path, names: known.map(({ name }) => name), tables });
  });
  shell.answer({ exitCode: exitCodes.ok, json: rowsDocument(answer), text: renderRows(answer, shell.style) }, json);
}

/** What asks for tables without naming them. */
const asksForTables = /\bshow\b|\binformation_schema\b|\bduckdb_(tables|views|columns)\b/i;

/** The tables that a query can mean: those whose name stands somewhere in it. One that has no columns yet is left out. */
async function mentioned(lake: ObjectStore, known: readonly NamedTable[], sql: string): Promise<readonly TableFiles[]> {
  const text = sql.toLowerCase();
  const found: TableFiles[] = [];
  for (const table of known.filter(({ name }) => text.includes(name) || asksForTables.test(sql))) {
    const files = await tableFiles(lake, table);
    if (files !== null) found.push(files);
  }
  return found;
}
