import { parquetReadObjects } from 'hyparquet';
import { FanlakeError } from '../core/errors.ts';
import { logPrefix } from '../core/keys.ts';
import type { ObjectStore } from '../core/ports.ts';
import type { Action } from '../core/table-log/actions.ts';
import { decodeCheckpointRow } from '../core/table-log/log-entry.ts';
import type { WholeCheckpoint } from '../core/table-log/log-names.ts';

/**
 * The actions of all rows of a checkpoint, a file of it at a time.
 * @throws FanlakeError `table.corrupt` when a file is gone or can't be read
 */
export async function* checkpointActions(lake: ObjectStore, table: string, { names }: WholeCheckpoint): AsyncGenerator<Action> {
  for (const name of names) {
    const object = await lake.get(`${logPrefix(table)}${name}`);
    if (object === null) throw new FanlakeError('table.corrupt', `The checkpoint ${name} of ${lake.locate(table)} is gone.`);
    const { buffer, byteOffset, byteLength } = object.body;
    const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
    for (const row of await parquetReadObjects({ file })) {
      const action = decodeCheckpointRow(row, name);
      if (action !== null) yield action;
    }
  }
}
