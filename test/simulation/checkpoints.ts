import { parquetReadObjects } from 'hyparquet';
import type { StoreState } from './store-state.ts';
import { Violation } from './violation.ts';

/** Of a checkpoint of a Delta table in one file. */
export const checkpointKey = /^(.+)\/_delta_log\/(\d{20})\.checkpoint\.parquet$/;

interface Row {
  readonly add?: { readonly path: string } | null;
  readonly remove?: { readonly path: string } | null;
  readonly txn?: { readonly appId: string } | null;
  readonly metaData?: { readonly id: string; readonly schemaString: string } | null;
}

/**
 * Each checkpoint says of its table what the entries up to its version say: read by hyparquet and by hand, and by nothing of Fanlake.
 * @throws Violation
 */
export async function checkCheckpoints(lake: StoreState): Promise<void> {
  for (const [key, { body }] of lake.objects) {
    const [, table = '', version = ''] = checkpointKey.exec(key) ?? [];
    if (table === '') continue;
    const file = new Uint8Array(body).buffer;
    const [found, expected] = [
      sayingOf((await parquetReadObjects({ file })) as readonly Row[]),
      sayingOf(entries(lake, table, Number(version))),
    ];
    if (found !== expected) throw new Violation('a checkpoint has what its log has', `${key}: ${found}, and it should be ${expected}`);
  }
}

function entries(lake: StoreState, table: string, upTo: number): readonly Row[] {
  return Array.from({ length: upTo + 1 }, (_, version) => `${table}/_delta_log/${String(version).padStart(20, '0')}.json`)
    .flatMap((key) => (lake.objects.get(key)?.body.toString() ?? '').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}

/** Files, transactions and metadata, in one text. */
function sayingOf(rows: readonly Row[]): string {
  const [files, transactions] = [new Set<string>(), new Set<string>()];
  let schema = '';
  for (const { add, remove, txn, metaData } of rows) {
    if (add) files.add(add.path);
    if (remove) files.delete(remove.path);
    if (txn) transactions.add(txn.appId);
    if (metaData) schema = `${metaData.id} ${metaData.schemaString}`;
  }
  return JSON.stringify({ files: [...files].sort(), transactions: [...transactions].sort(), schema });
}
