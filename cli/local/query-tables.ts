import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, TableFiles } from '../../functions/engine/read-tables.ts';
import { type Home, ownScratch } from './home.ts';
import { engineShare } from './machine.ts';

/**
 * One query over tables, by all cores of this machine.
 * @param limit most rows; undefined: all
 * @throws FanlakeError `query.*`, `input.corrupt`, `store.failed`
 */
export async function queryTables(home: Home, tables: readonly TableFiles[], sql: string, limit: number | undefined): Promise<Answer> {
  // loads DuckDB: only for commands that read
  const { openReader } = await import('../../functions/engine/read-tables.ts');
  const own = ownScratch(home);
  const scratch = join(own, 'query');
  mkdirSync(scratch, { recursive: true });
  try {
    const { threads, memoryBytes } = engineShare(1);
    const reader = await openReader({ tables, threads, memoryLimitBytes: memoryBytes, scratch });
    try {
      return await reader.query(sql, limit);
    } finally {
      reader.close();
    }
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}
