import { Command } from 'commander';
import { readOwnPlan } from '../../functions/protocol/documents.ts';
import { atPlace, type PlaceOptions } from '../at-place.ts';
import { exitCodes } from '../exit-code.ts';
import type { Home } from '../local/home.ts';
import { queryAt } from '../query-at.ts';
import { renderRows, rowsDocument } from '../render/rows.ts';
import { addLimit, type LimitOptions, limitFor } from '../row-limit.ts';
import type { Shell } from '../shell.ts';
import type { Stack } from '../stack/stack.ts';
import { findRun, receiptNow } from '../store/find-run.ts';

interface QuarantineOptions extends LimitOptions, PlaceOptions {
  readonly json?: boolean;
}

/** As functions/engine/quarantine.ts writes them. */
const quarantineColumns = [
  { name: 'object', type: 'VARCHAR' },
  { name: 'offset', type: 'BIGINT' },
  { name: 'column', type: 'VARCHAR' },
  { name: 'reason', type: 'VARCHAR' },
  { name: 'raw', type: 'VARCHAR' },
];

const help = `
Examples:
  fanlake quarantine bird-strikes-3f9c
  fanlake quarantine bird-strikes-3f9c --stack lake --json

Of a run that failed for such rows: the first of them, up to 1,000 a task. Offsets are bytes of the (uncompressed) file, for Parquet numbers of rows.
A stack's are brought to this machine for it, and deleted afterwards.`;

/** `fanlake quarantine <run>`: the rows that were set aside. */
export function quarantineCommand(shell: Shell): Command {
  const command = new Command('quarantine')
    .description('the rows of a run that were set aside, with place and reason')
    .argument('<run>', "the run's id, or its beginning");
  return addLimit(command)
    .addHelpText('after', help)
    .action((id: string, options: QuarantineOptions) => atPlace(shell, options, (place) => quarantine(shell, place, id, options)));
}

async function quarantine(shell: Shell, place: Home | Stack, id: string, options: QuarantineOptions): Promise<void> {
  const json = options.json === true;
  const receipt = await receiptNow(place, await findRun(place, id, readOwnPlan));
  if (receipt.quarantine.length === 0) {
    shell.answer(
      { exitCode: exitCodes.ok, json: { run: receipt.run, rows: [], more: false }, text: `No row of run ${receipt.run} was set aside.` },
      json,
    );
    return;
  }
  // how large they are is in no document: they are small
  const files = receipt.quarantine.map((key) => ({ key, sizeBytes: 0, partition: {} }));
  const table = { name: 'quarantine', columns: quarantineColumns, partitionBy: [], files };
  const sql = `SELECT object, "offset", "column", reason, raw FROM quarantine ORDER BY object, "offset"`;
  const answer = await queryAt(place, shell, [table], sql, limitFor(options, shell, json));
  const { rows: records, more } = rowsDocument(answer);
  const rows = { run: receipt.run, rows: records, more };
  shell.answer({ exitCode: exitCodes.ok, json: rows, text: renderRows(answer, shell.style) }, json);
}
