/** Reads a long log by the entries alone, in a thread with little memory: its data names what it reads. */
import { workerData } from 'node:worker_threads';
import type { KeyPage, ListOptions, ObjectStore, StoredObject } from '../../../functions/core/ports.ts';
import { checkpointName, entryName } from '../../../functions/core/table-log/log-names.ts';
import { TableLog } from '../../../functions/protocol/table-log.ts';

const entries = 1_001;
const filesOfEntry = 200;
const metaData = {
  id: 'a',
  format: { provider: 'parquet', options: {} },
  schemaString: '{"type":"struct","fields":[]}',
  partitionColumns: [],
  configuration: {},
};
const first = [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }];

/** Each entry has files with statistics. */
function entryText(version: number): string {
  const path = (of: number, file: number) => `part-${of}-${file}-${'x'.repeat(40)}.parquet`;
  const stats = JSON.stringify({ numRecords: 1, minValues: { a: 'y'.repeat(100) }, maxValues: { a: 'z'.repeat(100) } });
  const adds = Array.from({ length: filesOfEntry }, (_, file) => ({
    add: { path: path(version, file), partitionValues: {}, size: 1, modificationTime: 1, dataChange: true, stats },
  }));
  const txn = { txn: { appId: `run-${version}/e0`, version: 1 } };
  return [...(version === 0 ? first : []), txn, ...adds].map((action) => JSON.stringify(action)).join('\n');
}

const names = [...Array.from({ length: entries }, (_, version) => entryName(version)), checkpointName(entries - 1)].sort();

/** A table whose newest checkpoint is compressed in a way that nobody here reads. */
const store = {
  listKeys: async ({ prefix, next }: ListOptions): Promise<KeyPage> => {
    const start = Number(next ?? 0);
    const keys = names.slice(start, start + 1_000).map((name) => `${prefix}${name}`);
    return { keys, prefixes: [], ...(start + 1_000 < names.length ? { next: String(start + 1_000) } : {}) };
  },
  get: async (key: string): Promise<StoredObject | null> => {
    const name = key.slice(key.lastIndexOf('/') + 1);
    if (!names.includes(name)) return null;
    const text = name.endsWith('.parquet') ? 'PAR1 no such codec PAR1' : entryText(Number.parseInt(name, 10));
    return { key, version: name, size: text.length, body: Buffer.from(text) };
  },
  locate: (key: string) => key,
};

const log = new TableLog(store as unknown as ObjectStore, 'visits');
const { version, transactions } = await log.refresh();
if (version !== entries - 1 || transactions.size !== entries) throw new Error(`version ${version}, ${transactions.size} transactions`);
if (workerData === 'changes') {
  const changes = await log.changesSince(-1, version);
  if (changes.length !== entries) throw new Error(`${changes.length} entries`);
}
