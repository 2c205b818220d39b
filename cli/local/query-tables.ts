import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, TableFiles } from '../../functions/engine/read-tables.ts';
import { type Home, ownScratch } from './home.ts';
import { engineShare } from './machine.ts';

/**
 * One query over tables on this machine, by all its cores.
 * @param limit most rows; undefined: all
 * @param scratch a folder for what doesn't fit into memory
 * @throws FanlakeError `query.*`, `input.corrupt`, `store.failed`
 */
export async function queryTables(tables: readonly TableFiles[], sql: string, limit: number | undefined, scratch: string): Promise<Answer> {
  // loads DuckDB: only for commands that read
  const { openReader } = await import('../../functions/engine/read-tables.ts');
  const { threads, memoryBytes } = engineShare(1);
  const reader = await openReader({ tables, threads, memoryLimitBytes: memoryBytes, scratch });
  try {
    return await reader.query(sql, limit);
  } finally {
    reader.close();
  }
}

/** The same with this process's own scratch folder in the home, gone afterwards. */
export async function queryAtHome(home: Home, tables: readonly TableFiles[], sql: string, limit: number | undefined): Promise<Answer> {
  const own = ownScratch(home);
  const scratch = join(own, 'query');
  mkdirSync(scratch, { recursive: true });
  try {
    return await queryTables(tables, sql, limit, scratch);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}
