import { Command } from 'commander';
import { FanlakeError } from '../../functions/core/errors.ts';
import { didYouMean } from '../../functions/core/nearest.ts';
import type { TableFiles } from '../../functions/engine/read-tables.ts';
import { exitCodes } from '../exit-code.ts';
import { type Home, openHome } from '../local/home.ts';
import { queryTables } from '../local/query-tables.ts';
import { tableFiles } from '../local/table-files.ts';
import { listTables, type NamedTable } from '../local/tables.ts';
import { renderRows, rowObjects } from '../render/rows.ts';
import { addLimit, type LimitOptions, limitFor } from '../row-limit.ts';
import type { Shell } from '../shell.ts';

interface QueryOptions extends LimitOptions {
  readonly home: string;
  readonly json?: boolean;
}

const help = `
Examples:
  fanlake query "SELECT year, count(*) FROM bird_strikes GROUP BY year ORDER BY year"
  fanlake query "DESCRIBE bird_strikes" --json`;

/** `fanlake query <SQL>`: reads the tables by their names. */
export function queryCommand(shell: Shell): Command {
  const command = new Command('query').description('read the tables by their names').argument('<SQL>', "one SELECT in DuckDB's SQL");
  return addLimit(command)
    .addHelpText('after', help)
    .action((sql: string, options: QueryOptions) => query(shell, sql, options));
}

async function query(shell: Shell, sql: string, options: QueryOptions): Promise<void> {
  const json = options.json === true;
  const home = openHome(options.home);
  const known = await listTables(home.stores.lake);
  try {
    const answer = await queryTables(home, await mentioned(home, known, sql), sql, limitFor(options, shell, json));
    const document = { columns: answer.columns, rows: rowObjects(answer), more: answer.more };
    shell.answer({ exitCode: exitCodes.ok, json: document, text: renderRows(answer, shell.style) }, json);
  } catch (thrown) {
    throw withTables(thrown, home, known);
  }
}

/** The tables that a query can mean: those whose name stands somewhere in it. One that has no columns yet is left out. */
async function mentioned(home: Home, known: readonly NamedTable[], sql: string): Promise<readonly TableFiles[]> {
  const text = sql.toLowerCase();
  const found: TableFiles[] = [];
  for (const table of known.filter(({ name }) => text.includes(name))) {
    const files = await tableFiles(home.stores.lake, table);
    if (files !== null) found.push(files);
  }
  return found;
}

/** An unknown table, by the nearest name and the list, as DuckDB can't know it. */
function withTables(thrown: unknown, home: Home, known: readonly NamedTable[]): unknown {
  if (!(thrown instanceof FanlakeError)) return thrown;
  const wanted = /Table with name "?(.+?)"? does not exist/.exec(thrown.message)?.[1];
  if (wanted === undefined) return thrown;
  const names = known.map(({ name }) => name);
  if (names.includes(wanted.toLowerCase())) {
    return new FanlakeError(
      'table.unknown',
      `The table '${wanted}' has no columns yet: no run has put a row into it.`,
      { table: wanted },
      thrown,
    );
  }
  const list = names.length === 0 ? 'There are no tables yet.' : `There are: ${names.join(', ')}.`;
  return new FanlakeError(
    'table.unknown',
    `No table '${wanted}' in ${home.path}${didYouMean(wanted, names)}. ${list}`,
    { table: wanted, tables: names },
    thrown,
  );
}
