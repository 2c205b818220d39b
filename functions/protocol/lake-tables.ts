import { lakeFolders } from '../core/keys.ts';
import type { ObjectStore } from '../core/ports.ts';

/** The folders of a lake root that can be tables, by name. */
export async function lakeTables(lake: ObjectStore): Promise<readonly string[]> {
  const tables: string[] = [];
  let next: string | undefined;
  do {
    const page = await lake.listKeys({ prefix: '', delimiter: '/', ...(next === undefined ? {} : { next }) });
    for (const prefix of page.prefixes) {
      const name = prefix.slice(0, -1);
      if (/^[a-z0-9][a-z0-9_]*$|^_[a-z0-9_]+$/.test(name) && !lakeFolders.has(name)) tables.push(name);
    }
    next = page.next;
  } while (next !== undefined);
  return tables;
}
