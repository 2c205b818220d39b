/** What other writers of a Delta table do, written by hand: nothing of Fanlake has a part in it. */
import type { StoreState } from './store-state.ts';

const nameOf = (version: number): string => `${String(version).padStart(20, '0')}.json`;

function newestVersion(lake: StoreState, table: string): number {
  let newest = -1;
  while (lake.objects.has(`${table}/_delta_log/${nameOf(newest + 1)}`)) newest += 1;
  return newest;
}

type Line = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

function linesOf(lake: StoreState, table: string): readonly Line[] {
  const lines: Line[] = [];
  for (let version = 0; version <= newestVersion(lake, table); version++) {
    const text = lake.objects.get(`${table}/_delta_log/${nameOf(version)}`)?.body.toString() ?? '';
    for (const line of text.split('\n').filter((each) => each !== '')) lines.push(JSON.parse(line) as Line);
  }
  return lines;
}

/** The first entry of a table of lines by somebody else, who wants its checkpoints so often. */
export function foreignTable(table: string, checkpointInterval: number): { readonly key: string; readonly text: string } {
  const fields = [{ name: 'line', type: 'string', nullable: true, metadata: {} }];
  const metaData = {
    id: '00000000-0000-4000-8000-000000000000',
    format: { provider: 'parquet', options: {} },
    schemaString: JSON.stringify({ type: 'struct', fields }),
    partitionColumns: [],
    configuration: { 'delta.checkpointInterval': String(checkpointInterval) },
    createdTime: 0,
  };
  const lines = [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }];
  return { key: `${table}/_delta_log/${nameOf(0)}`, text: lines.map((line) => JSON.stringify(line)).join('\n') };
}

/**
 * The next entry of a table by somebody else: a file of theirs, or a change of the schema.
 * @returns null when there is no table yet
 */
export function foreignEntry(
  lake: StoreState,
  table: string,
  changesSchema: boolean,
): { readonly key: string; readonly text: string } | null {
  const version = newestVersion(lake, table) + 1;
  if (version === 0) return null;
  const key = `${table}/_delta_log/${nameOf(version)}`;
  if (!changesSchema) {
    const file = `foreign-${version}.parquet`;
    lake.apply(
      { root: 'lake', kind: 'put', key: `${table}/${file}`, body: Buffer.from(JSON.stringify([`foreign ${table} ${version}`])) },
      0,
    );
    return { key, text: JSON.stringify({ add: { path: file, partitionValues: {}, size: 1, modificationTime: 0, dataChange: true } }) };
  }
  const metaData = linesOf(lake, table).findLast((line) => line['metaData'] !== undefined)?.['metaData'];
  // there and back, as who takes back a mistake does
  const isOther = String(metaData?.['schemaString']).includes('"other"');
  const fields = [{ name: isOther ? 'line' : 'other', type: 'string', nullable: true, metadata: {} }];
  return { key, text: JSON.stringify({ metaData: { ...metaData, schemaString: JSON.stringify({ type: 'struct', fields }) } }) };
}

/** The files that a VACUUM may delete once they are old enough: those that the log doesn't name, and no folder whose name begins with an underscore. */
export function vacuum(lake: StoreState, table: string): readonly string[] {
  if (newestVersion(lake, table) < 0) return [];
  const named = new Set<string>();
  for (const { add, remove } of linesOf(lake, table)) {
    if (add !== undefined) named.add(decodeURIComponent(String(add['path'])));
    if (remove !== undefined) named.delete(decodeURIComponent(String(remove['path'])));
  }
  return lake
    .keys()
    .filter((key) => key.startsWith(`${table}/`) && !key.startsWith(`${table}/_`) && !named.has(key.slice(table.length + 1)));
}
