import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { BadRecord } from '../core/piece.ts';
import { asEngineError } from './errors.ts';
import type { Engine } from './session.ts';
import { literal } from './sql-text.ts';

const columns = `{object: 'VARCHAR', "offset": 'BIGINT', length_bytes: 'BIGINT', "column": 'VARCHAR', reason: 'VARCHAR', raw: 'VARCHAR'}`;

/**
 * Writes bad records to a Parquet file: object, offset (of the uncompressed object; a row's number for Parquet), length_bytes, column (NULL when
 * the record as a whole is wrong), reason, raw. The engine must be allowed the file's folder.
 * @throws FanlakeError `store.full`, `store.failed`
 */
export async function writeQuarantine(engine: Engine, records: readonly BadRecord[], path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await engine.allow([dirname(path)]);
  const lines = `${path}.jsonl`;
  const longest = await writeLines(records, lines);
  try {
    await engine.run(
      `COPY (SELECT * FROM read_json(${literal(lines)}, format = 'newline_delimited', auto_detect = false, columns = ${columns},
         maximum_object_size = ${Math.max(16_777_216, longest + 64)}, hive_partitioning = false) ORDER BY object, "offset")
       TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd)`,
    );
  } catch (thrown) {
    throw asEngineError(thrown, `the quarantine of ${records.length} records can't be written to ${path}`, 'store.failed');
  } finally {
    await rm(lines, { force: true });
  }
}

/** @returns bytes of the longest line */
async function writeLines(records: readonly BadRecord[], path: string): Promise<number> {
  let longest = 0;
  await writeFile(
    path,
    linesOf(records, (bytes) => (longest = Math.max(longest, bytes))),
  );
  return longest;
}

function* linesOf(records: readonly BadRecord[], measured: (bytes: number) => void): Generator<string> {
  for (const { objectKey, offset, lengthBytes, column, reason, raw } of records) {
    // A lone surrogate isn't UTF-8 and would make the line unreadable.
    const line = JSON.stringify({
      object: objectKey,
      offset,
      length_bytes: lengthBytes,
      column,
      reason: reason.toWellFormed(),
      raw: raw.toWellFormed(),
    });
    measured(Buffer.byteLength(line));
    yield `${line}\n`;
  }
}
