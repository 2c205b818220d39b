import { tablePathKey, tablePathsPrefix } from '../../functions/core/keys.ts';
import type { ObjectStore } from '../../functions/core/ports.ts';
import { listAll } from '../../functions/protocol/documents.ts';
import { lakeTables } from '../../functions/protocol/lake-tables.ts';

/** A table's name in queries and its key in the lake root (or its path). */
export interface NamedTable {
  readonly name: string;
  readonly key: string;
}

/** Remembers where a table outside the lake root is, so that `query` finds it by its name. */
export async function rememberTable(lake: ObjectStore, { name, key }: NamedTable): Promise<void> {
  if (!key.startsWith('/')) return;
  const body = JSON.stringify({ path: key });
  if ((await lake.create(tablePathKey(name), body)) !== null) return;
  const known = await pathOf(lake, name);
  if (known !== key) await lake.put(tablePathKey(name), body);
}

async function pathOf(lake: ObjectStore, name: string): Promise<string | null> {
  const object = await lake.get(tablePathKey(name));
  return object === null ? null : (JSON.parse(Buffer.from(object.body).toString('utf8')) as { readonly path: string }).path;
}

/** All tables of a home: those under its lake root and the remembered ones. */
export async function listTables(lake: ObjectStore): Promise<readonly NamedTable[]> {
  const tables = new Map<string, NamedTable>();
  for (const name of await lakeTables(lake)) tables.set(name, { name, key: name });
  for (const key of await listAll(lake, tablePathsPrefix)) {
    const name = key.slice(tablePathsPrefix.length, -'.json'.length);
    const path = await pathOf(lake, name);
    if (path !== null) tables.set(name, { name, key: path });
  }
  return [...tables.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
