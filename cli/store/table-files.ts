import { fileURLToPath } from 'node:url';
import { FanlakeError } from '../../functions/core/errors.ts';
import { manifestPrefix } from '../../functions/core/keys.ts';
import type { Column } from '../../functions/core/layout.ts';
import type { TableColumn } from '../../functions/core/plan.ts';
import type { ObjectStore } from '../../functions/core/ports.ts';
import type { AddFile, MetaData, Protocol } from '../../functions/core/table-log/actions.ts';
import { columnsOf, decodeSchema, isWithoutColumns } from '../../functions/core/table-log/schema.ts';
import type { TableFiles } from '../../functions/engine/read-tables.ts';
import { inOrder, listAll } from '../../functions/protocol/documents.ts';
import { TableLog } from '../../functions/protocol/table-log.ts';
import type { NamedTable } from './tables.ts';

/** A data file of a table, wherever the lake root is. */
export interface StoredFile {
  /** Key in the lake root; an absolute path for a table elsewhere on this disk. */
  readonly key: string;
  readonly sizeBytes: number;
  /** Text values by partition column; null for NULL. */
  readonly partition: Readonly<Record<string, string | null>>;
}

/** A table as its log says that it is now. */
export interface StoredTable extends Omit<TableFiles, 'files'> {
  readonly files: readonly StoredFile[];
}

/** A table whose files lie on this machine. */
export function onThisDisk(lake: ObjectStore, { files, ...table }: StoredTable): TableFiles {
  return { ...table, files: files.map(({ key, partition }) => ({ path: lake.locate(key), partition })) };
}

/**
 * A table as its log or its manifests say that it is now; null for one to which no row was ever committed (it has no columns yet).
 * @throws FanlakeError `table.unsupported`, `table.corrupt`
 */
export async function readTable(lake: ObjectStore, table: NamedTable): Promise<StoredTable | null> {
  const snapshot = await new TableLog(lake, table.key, true).refresh();
  if (snapshot.version < 0) return hiveFiles(lake, table);
  const { protocol, metaData, files } = snapshot;
  if (metaData === null)
    throw new FanlakeError('table.corrupt', `The log of ${lake.locate(table.key)} has no metadata. Repair it with the tool that wrote it.`);
  checkReadable(lake.locate(table.key), protocol, metaData);
  if (isWithoutColumns(metaData)) return null;
  return {
    name: table.name,
    columns: columnsOf(decodeSchema(metaData.schemaString)),
    partitionBy: metaData.partitionColumns,
    files: [...(files ?? [])].map(([path, file]) => deltaFile(lake, table, path, file)),
  };
}

function checkReadable(place: string, protocol: Protocol | null, { configuration }: MetaData): void {
  const features = (protocol?.readerFeatures ?? []).filter((feature) => feature !== 'timestampNtz');
  if ((configuration['delta.columnMapping.mode'] ?? 'none') !== 'none') features.push('columnMapping');
  if (features.length === 0) return;
  throw new FanlakeError(
    'table.unsupported',
    `The table in ${place} uses what Fanlake can't read: ${features.join(', ')}. Query it with the tool that wrote it.`,
    {
      features,
    },
  );
}

function deltaFile(lake: ObjectStore, table: NamedTable, path: string, file: AddFile): StoredFile {
  if (file.deletionVector !== undefined && file.deletionVector !== null) {
    throw new FanlakeError(
      'table.unsupported',
      `The table '${table.name}' has deleted rows inside its files (deletion vectors), which Fanlake can't read.`,
    );
  }
  return { key: keyOf(lake, table, path), sizeBytes: file.size, partition: file.partitionValues };
}

function keyOf(lake: ObjectStore, { name, key }: NamedTable, path: string): string {
  if (path.startsWith('file:')) return fileURLToPath(path);
  const root = lake.locate('');
  if (root.includes('://') && path.startsWith(root)) return path.slice(root.length);
  if (/^[a-z0-9+.-]+:\/\//i.test(path))
    throw new FanlakeError('not-built', `The table '${name}' has the file ${path}, which is outside of ${root}: it can't be read yet.`);
  return path.startsWith('/') ? path : `${key}/${path}`;
}

/** What a run into a Hive table left behind (functions/reducer/append-to-hive.ts). */
interface Manifest {
  readonly columns: readonly TableColumn[];
  readonly partitionBy: readonly string[];
  readonly files: readonly {
    readonly path: string;
    readonly sizeBytes: number;
    readonly partition: readonly { readonly column: string; readonly value: string | null }[];
  }[];
}

async function hiveFiles(lake: ObjectStore, { name, key }: NamedTable): Promise<StoredTable | null> {
  const manifests = (await inOrder(await listAll(lake, manifestPrefix(key)), (manifest) => readManifest(lake, manifest))).filter(
    (found) => found !== null,
  );
  const [first] = manifests;
  if (first === undefined) return null;
  const columns = new Map<string, Column>();
  for (const manifest of manifests) {
    for (const column of manifest.columns)
      if (!columns.has(column.name)) columns.set(column.name, { name: column.name, type: column.type });
  }
  const files = manifests.flatMap((manifest) =>
    manifest.files.map(({ path, sizeBytes, partition }) => ({
      key: `${key}/${path}`,
      sizeBytes,
      partition: Object.fromEntries(partition.map(({ column, value }) => [column, value])),
    })),
  );
  return { name, columns: [...columns.values()], partitionBy: first.partitionBy, files };
}

async function readManifest(lake: ObjectStore, key: string): Promise<Manifest | null> {
  const object = await lake.get(key);
  return object === null ? null : (JSON.parse(Buffer.from(object.body).toString('utf8')) as Manifest);
}
