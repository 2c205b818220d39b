import type { FunctionCatalog, Macro } from '../core/planner/functions.ts';
import { parseTree, statementsOf } from '../core/planner/statement-tree.ts';
import type { Engine } from './session.ts';

let known: FunctionCatalog | null = null;

/** What this version of the engine knows of its functions: read once for a process, because only the version decides it. */
export async function functionCatalog(engine: Engine): Promise<FunctionCatalog> {
  if (known !== null) return known;
  const rows = await engine.rows(
    `SELECT lower(function_name) AS name, function_type AS type,
       CASE WHEN function_type = 'macro' THEN to_json(parameters)::VARCHAR END AS parameters,
       CASE WHEN function_type = 'macro' THEN json_serialize_sql('SELECT ' || macro_definition)::VARCHAR END AS body
     FROM duckdb_functions() WHERE function_type IN ('scalar', 'aggregate', 'macro')`,
  );
  const scalars = new Set<string>();
  const aggregates = new Set<string>();
  const macros = new Map<string, Macro[]>();
  for (const row of rows) {
    const name = String(row['name']);
    if (row['type'] === 'scalar') scalars.add(name);
    else if (row['type'] === 'aggregate') aggregates.add(name);
    else {
      const parameters = JSON.parse(String(row['parameters'])) as readonly string[];
      const bodies = statementsOf(parseTree(String(row['body'])));
      macros.set(name, [...(macros.get(name) ?? []), ...bodies.map((body) => ({ parameters, body }))]);
    }
  }
  known = { scalars, aggregates, macros };
  return known;
}
