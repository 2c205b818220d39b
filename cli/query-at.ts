import type { Answer } from '../functions/engine/read-tables.ts';
import type { Home } from './local/home.ts';
import { queryAtHome, queryTables } from './local/query-tables.ts';
import { bytes, counted } from './render/numbers.ts';
import type { Shell } from './shell.ts';
import { withFetched } from './stack/fetch-files.ts';
import type { Stack } from './stack/stack.ts';
import { onThisDisk, type StoredTable } from './store/table-files.ts';

/**
 * One query over tables of a home or a stack. The engine reads files of this machine only: a stack's are brought here first, with a line on stderr of how
 * far that is, and are gone afterwards.
 * @param limit most rows; undefined: all
 * @throws FanlakeError `query.*`, `input.corrupt`, `store.*` @throws Interrupted on a stack
 */
export async function queryAt(
  place: Home | Stack,
  shell: Shell,
  tables: readonly StoredTable[],
  sql: string,
  limit: number | undefined,
): Promise<Answer> {
  const { lake } = place.stores;
  if (place.stack === null) {
    const here = tables.map((table) => onThisDisk(lake, table));
    return queryAtHome(place, here, sql, limit);
  }
  const files = tables.flatMap((table) => table.files);
  const view = shell.progress();
  const what = `fetching ${counted(files.length, 'data file')} of ${place.name}`;
  if (files.length > 0) view.begin(what);
  const onProgress = (fetchedBytes: number, allBytes: number) => {
    if (allBytes > 0) view.say(`${what}: ${bytes(fetchedBytes)} of ${bytes(allBytes)}`);
  };
  try {
    return await withFetched(lake, files, { signal: shell.interruption(), onProgress }, (paths, scratch) => {
      view.end();
      const here = tables.map((table) => ({
        ...table,
        files: table.files.map(({ key, partition }) => ({ path: paths.get(key) ?? key, partition })),
      }));
      return queryTables(here, sql, limit, scratch);
    });
  } finally {
    view.end();
  }
}
