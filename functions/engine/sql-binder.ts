import { makePrintable } from '../core/planner/printable-tree.ts';
import { statementTree } from '../core/planner/select-tree.ts';
import type { SqlBinder } from '../core/planner/sql-binder.ts';
import { printTree, type TreeNode } from '../core/planner/statement-tree.ts';
import type { Engine } from './session.ts';
import { emptyRelation, identifier, literal } from './sql-text.ts';

/** Prints and binds the planner's SQL with an engine. */
export function sqlBinder(engine: Engine): SqlBinder {
  return {
    async print(select) {
      const tree = structuredClone(statementTree(select)) as TreeNode;
      makePrintable(tree);
      const [row] = await engine.rows(`SELECT json_deserialize_sql(${literal(printTree(tree))}::JSON)::VARCHAR AS sql`);
      return String(row?.['sql']);
    },
    async describe(sql, { name, columns }) {
      await engine.run(`CREATE OR REPLACE TEMP VIEW ${identifier(name)} AS ${emptyRelation(columns)}`);
      try {
        const rows = await engine.rows(`DESCRIBE ${sql}`);
        return rows.map((row) => ({ name: String(row['column_name']), type: String(row['column_type']) }));
      } finally {
        await engine.run(`DROP VIEW IF EXISTS temp.${identifier(name)}`);
      }
    },
  };
}
