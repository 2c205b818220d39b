import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { asFanlakeError, FanlakeError } from '../functions/core/errors.ts';
import type { Job } from '../functions/core/job.ts';
import { checkSafe } from '../functions/core/planner/safety.ts';
import { isNode, parseTree, statementsOf } from '../functions/core/planner/statement-tree.ts';
import { bindQuery, embeddable } from '../functions/engine/bind.ts';
import { functionCatalog } from '../functions/engine/function-catalog.ts';
import { Engine } from '../functions/engine/session.ts';
import { literal } from '../functions/engine/sql-text.ts';

// A program of its own, because the engine answers later and constructs are made at once: jobs as JSON in, faults as JSON out.

/** Columns are unknown until something is uploaded: what the text alone tells. */
async function checkText(engine: Engine, sql: string): Promise<void> {
  // naming a virtual column makes it parse, with the error that a run would give
  await embeddable(engine, sql, ['_file']);
  const [row] = await engine.rows(`SELECT json_serialize_sql(${literal(sql)}::VARCHAR)::VARCHAR AS tree`);
  const tree = parseTree(String(row?.['tree']));
  const [query] = tree !== null && isNode(tree) ? statementsOf(tree) : [];
  if (query === undefined) throw new FanlakeError('query.unsupported', "the query can't be used: it must be one SELECT.");
  checkSafe(query, await functionCatalog(engine));
}

async function faultOf(engine: Engine, { name, input, query }: Job): Promise<string | null> {
  try {
    if (input.columns === undefined) await checkText(engine, query);
    else
      await bindQuery(
        engine,
        query,
        Object.entries(input.columns).map(([column, type]) => ({ name: column, type })),
      );
    return null;
  } catch (thrown) {
    const { code, message } = asFanlakeError(thrown);
    return `job '${name}': ${message} [${code}]`;
  }
}

const jobs = JSON.parse(await text(process.stdin)) as readonly Job[];
const scratch = mkdtempSync(join(tmpdir(), 'fanlake-synth-'));
try {
  const engine = await Engine.open({ threads: 1, memoryLimitBytes: 256 * 2 ** 20, scratch });
  const faults: string[] = [];
  for (const job of jobs) {
    const fault = await faultOf(engine, job);
    if (fault !== null) faults.push(fault);
  }
  process.stdout.write(JSON.stringify(faults));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
