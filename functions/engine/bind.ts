import { FanlakeError } from '../core/errors.ts';
import type { Column } from '../core/layout.ts';
import { didYouMean } from '../core/nearest.ts';
import { columnsRead, hideFromStars, passedThrough, virtualColumnsIn } from '../core/planner/columns.ts';
import { NotStaged } from '../core/planner/not-staged.ts';
import { makePrintable } from '../core/planner/printable-tree.ts';
import { rowsToColumns, treatmentOfRows } from '../core/planner/rowwise.ts';
import { checkSafe } from '../core/planner/safety.ts';
import { readsSide } from '../core/planner/side-reads.ts';
import { stageQuery } from '../core/planner/stage-query.ts';
import { isNode, parseTree, printTree, statementsOf, type Tree, type TreeNode, textAt } from '../core/planner/statement-tree.ts';
import type { BoundQuery } from '../core/query.ts';
import type { SideTable } from '../core/side-table.ts';
import type { MergeStep, StagedQuery } from '../core/staged-query.ts';
import { asEngineError, missingColumnIn } from './errors.ts';
import { functionCatalog } from './function-catalog.ts';
import type { Engine } from './session.ts';
import { sqlBinder } from './sql-binder.ts';
import { emptyRelation, identifier, literal } from './sql-text.ts';

const what = "the query can't be used";

interface Parsed {
  readonly tree: Tree;
  readonly query: TreeNode;
}

/** A query's tree. @throws FanlakeError `query.syntax` with the place, `query.unsupported` for what isn't one SELECT */
async function parse(engine: Engine, sql: string): Promise<Parsed> {
  const [row] = await engine.rows(`SELECT json_serialize_sql(${literal(sql)}::VARCHAR)::VARCHAR AS tree`);
  const tree = parseTree(String(row?.['tree']));
  if (tree === null)
    throw new FanlakeError(
      'query.unsupported',
      `${what}: it has a number that is too large to be kept exactly. Write it as a text and cast it.`,
    );
  if (isNode(tree) && tree['error'] === true) {
    if (textAt(tree, 'error_type') !== 'parser') {
      // one without IN is several statements to the engine
      const why = /\bPIVOT\b/i.test(sql) ? `it ${rowsToColumns}` : 'it must be one SELECT (or begin with FROM or WITH)';
      throw new FanlakeError('query.unsupported', `${what}: ${why}.`);
    }
    await engine.check(sql).catch((thrown: unknown) => {
      throw asEngineError(thrown, what, 'query.syntax');
    });
    throw new FanlakeError('query.syntax', `${what}: ${textAt(tree, 'error_message')}`, { position: Number(textAt(tree, 'position')) });
  }
  const statements = statementsOf(tree);
  const [query] = statements;
  if (query === undefined || statements.length > 1)
    throw new FanlakeError('query.unsupported', `${what}: it must be one SELECT, found ${statements.length} statements.`);
  return { tree, query };
}

/**
 * The text to put in parentheses to run a query: the user's own, or, where that can't stand there or a `*` would bring virtual columns, what
 * the engine prints of its tree.
 * @param virtual virtual columns that the relation behind `input` has
 */
export async function embeddable(engine: Engine, sql: string, virtual: readonly string[]): Promise<string> {
  if (!sql.includes(';') && virtual.length === 0) return sql;
  const { tree, query } = await parse(engine, sql);
  const changed = hideFromStars(query, virtual);
  if (!changed && !sql.includes(';')) return sql;
  if (isNode(tree)) makePrintable(tree);
  const [row] = await engine.rows(`SELECT json_deserialize_sql(${literal(printTree(tree))}::JSON)::VARCHAR AS sql`);
  return String(row?.['sql']);
}

function nearestColumn(error: FanlakeError, input: readonly Column[], sides: readonly SideTable[]): FanlakeError {
  const name = missingColumnIn(error.message);
  if (error.code !== 'query.column' || name === null) return error;
  const tables = [{ name: 'input', columns: input }, ...sides];
  const names = tables.flatMap(({ columns }) => columns.map((column) => column.name));
  const hint = didYouMean(name, names);
  const columnsIn = (table: SideTable): string =>
    table.columns
      .slice(0, 50)
      .map((column) => column.name)
      .join(', ');
  return new FanlakeError(
    'query.column',
    `${error.message}\nThere is no column '${name}'${hint}. ${tables.map((table) => `${table.name} has: ${columnsIn(table)}.`).join(' ')}`,
    { column: name, columns: names },
    error,
  );
}

/** Names and types of a query's output over an `input` without rows. */
async function describe(engine: Engine, sql: string, virtual: readonly string[], { input, sides }: Tables): Promise<readonly Column[]> {
  const columns = [...input, ...virtual.map((name) => ({ name, type: 'VARCHAR' }))];
  try {
    await engine.run(`CREATE OR REPLACE TEMP VIEW input AS ${emptyRelation(columns)}`);
    await engine.check(sql);
    const rows = await engine.rows(`DESCRIBE ${await embeddable(engine, sql, virtual)}`);
    return rows.map((row) => ({ name: String(row['column_name']), type: String(row['column_type']) }));
  } catch (thrown) {
    throw nearestColumn(asEngineError(thrown, what), columns, sides);
  } finally {
    await engine.run('DROP VIEW IF EXISTS temp.input');
  }
}

/** What a query may read. */
interface Tables {
  readonly input: readonly Column[];
  readonly sides: readonly SideTable[];
}

/**
 * Checks a query and binds it to the input's columns without reading anything.
 * @param sql one SELECT over the table `input`
 * @param input the pinned columns; `_file` and `_run` may be named besides (VARCHAR), `*` doesn't bring them
 * @param sides the tables that it may read besides
 * @throws FanlakeError query.syntax | query.column | query.function | query.forbidden | query.unsupported | query.failed (other binding errors)
 */
export async function bindQuery(
  engine: Engine,
  sql: string,
  input: readonly Column[],
  sides: readonly SideTable[] = [],
): Promise<BoundQuery> {
  const { query } = await parse(engine, sql);
  const catalog = await functionCatalog(engine);
  checkSafe(query, catalog, sides);
  try {
    for (const { name, columns } of sides) await engine.run(`CREATE OR REPLACE TEMP VIEW ${identifier(name)} AS ${emptyRelation(columns)}`);
    const output = await describe(engine, sql, virtualColumnsIn(query, input), { input, sides });
    const treatment = treatmentOfRows(query, catalog, sides);
    const stages = treatment.rowwise ? { staged: null } : await stagesOf(engine, query, { input, sides }, output);
    return { sql, output, reads: columnsRead(query, input), passThrough: passedThrough(query, input, output), ...treatment, ...stages };
  } finally {
    for (const { name } of sides) await engine.run(`DROP VIEW IF EXISTS temp.${identifier(name)}`);
  }
}

/** The stages in which several tasks answer a query that looks at several rows at once, or why they can't. */
async function stagesOf(
  engine: Engine,
  query: TreeNode,
  { input, sides }: Tables,
  output: readonly Column[],
): Promise<{ readonly staged: StagedQuery } | { readonly staged: null; readonly reason: string }> {
  const virtual = virtualColumnsIn(query, input).map((name) => ({ name, type: 'VARCHAR' }));
  const planner = { binder: sqlBinder(engine), catalog: await functionCatalog(engine), sides };
  try {
    return { staged: await withSideReads(engine, await stageQuery(planner, query, { columns: input, virtual }, output), sides) };
  } catch (thrown) {
    if (thrown instanceof NotStaged) {
      const instead = thrown.instead === '' ? '' : `; write ${thrown.instead}`;
      return { staged: null, reason: `${thrown.message}${instead}` };
    }
    // it is about SQL that the user has not written
    const [first] = asEngineError(thrown, 'is taken apart in a way that the engine refuses').message.split('\n');
    return { staged: null, reason: first ?? '' };
  }
}

/** Says of each step whether its tasks need the side tables. */
async function withSideReads(engine: Engine, staged: StagedQuery, sides: readonly SideTable[]): Promise<StagedQuery> {
  if (sides.length === 0) return staged;
  const steps: MergeStep[] = [];
  for (const step of staged.steps) {
    const { query } = await parse(engine, step.sql);
    steps.push(readsSide(query, sides) ? { ...step, readsSides: true } : step);
  }
  return { ...staged, steps };
}
