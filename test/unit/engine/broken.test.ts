import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { engineInspector } from '../../../functions/engine/inspector.ts';
import { Engine } from '../../../functions/engine/session.ts';
import { ProcessEngine } from '../../../functions/worker/process-engine.ts';

const scratch = mkdtempSync(join(tmpdir(), 'fanlake-broken-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A defect of DuckDB 1.5.5: a tree without operands is printed at a row's turn, and an error of that kind takes the whole instance with it. */
const poison = `SELECT json_deserialize_sql(tree) FROM (
  SELECT CASE WHEN i >= 0 THEN '{"error":false,"statements":[{"node":{"type":"SELECT_NODE","modifiers":[],"cte_map":{"map":[]},
    "select_list":[{"class":"COMPARISON","type":"COMPARE_EQUAL","alias":""}],"from_table":{"type":"EMPTY"},"aggregate_handling":"STANDARD_HANDLING"}}]}'
  END::JSON AS tree FROM range(2) AS t(i))`;

const statements: readonly (readonly [string, (engine: Engine, sql: string) => Promise<unknown>])[] = [
  ['for its rows', (engine, sql) => engine.rows(sql)],
  ['for its effect', (engine, sql) => engine.run(sql)],
  ['for its first rows', (engine, sql) => engine.head(sql, 1)],
  ['with its profile', (engine, sql) => engine.profiled(sql)],
];

it.each(statements)(
  'an engine that a defect of its own made useless, by a statement run %s, is followed by a new one',
  async (_how, ask) => {
    const engines = new ProcessEngine({ threads: 1, memoryBytes: 2 ** 28 }, scratch);
    const engine = await engines.engine(1);
    await expect(ask(engine, poison)).rejects.toThrow(/^INTERNAL Error/);
    await expect(engine.rows('SELECT 1')).rejects.toThrow(/has been invalidated/);
    const next = await engines.engine(1);
    expect(await next.rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    engines.close();
  },
);

it('an engine whose statement fails for its own fault is kept', async () => {
  const engines = new ProcessEngine({ threads: 1, memoryBytes: 2 ** 28 }, scratch);
  const engine = await engines.engine(1);
  await expect(engine.rows('SELECT nothing')).rejects.toThrow(/^Binder Error/);
  await expect(engine.rows("SELECT error('INTERNAL Error: says a query')")).rejects.toThrow();
  expect(await engines.engine(1)).toBe(engine);
  engines.close();
});

it('a file that breaks the engine of planning takes none of those behind it along', async () => {
  const opened: Engine[] = [];
  const inspector = engineInspector(scratch, 2 ** 28, async (options) => {
    const engine = await Engine.open(options);
    opened.push(engine);
    return engine;
  });
  const bind = () => inspector.bindQuery('SELECT a FROM input', [{ name: 'a', type: 'INTEGER' }]);
  await bind();
  await bind();
  expect(opened).toHaveLength(1);
  await expect(opened[0]?.rows(poison)).rejects.toThrow(/^INTERNAL Error/);
  expect((await bind()).output).toMatchObject([{ name: 'a', type: 'INTEGER' }]);
  expect(opened).toHaveLength(2);
  await inspector.close();
});
