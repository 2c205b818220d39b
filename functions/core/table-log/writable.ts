import { FanlakeError } from '../errors.ts';
import type { MetaData, Protocol } from './actions.ts';
import type { DeltaField, DeltaType } from './delta-types.ts';
import { decodeSchema } from './schema.ts';
import type { Snapshot } from './snapshot.ts';

/** How a job's rows go into its table. */
export type TableMode = 'append' | 'replace' | 'replacePartitions' | 'replaceSource';

/** The protocol of the tables that we create, and the newest that we write: the one that every reader and writer knows. */
export const ourProtocol: Protocol = { minReaderVersion: 1, minWriterVersion: 2 };

const dayMs = 86_400_000;

/** What a column's metadata may say that a writer must enforce, and the feature's name. */
const columnFeatures: Readonly<Record<string, string>> = {
  'delta.invariants': 'column invariants',
  'delta.generationExpression': 'generated columns',
  'delta.columnMapping.id': 'column mapping',
  'delta.columnMapping.physicalName': 'column mapping',
  'delta.identity.start': 'identity columns',
  'delta.identity.step': 'identity columns',
  CURRENT_DEFAULT: 'default values of columns',
};

function protocolFaults(protocol: Protocol): readonly string[] {
  const named = [...new Set([...(protocol.readerFeatures ?? []), ...(protocol.writerFeatures ?? [])])];
  if (named.length > 0) return [`table features: ${named.join(', ')}`];
  const faults: string[] = [];
  if (protocol.minReaderVersion > ourProtocol.minReaderVersion) faults.push(`reader version ${protocol.minReaderVersion}`);
  if (protocol.minWriterVersion > ourProtocol.minWriterVersion) faults.push(`writer version ${protocol.minWriterVersion}`);
  return faults;
}

function typeFaults(type: DeltaType, path: string): readonly string[] {
  if (typeof type === 'string') return [];
  if (type.type === 'struct') return type.fields.flatMap((field) => fieldFaults(field, `${path}.`));
  if (type.type === 'array') {
    return [...(type.containsNull ? [] : [`no NULL in '${path}'`]), ...typeFaults(type.elementType, `${path}[]`)];
  }
  return [
    ...(type.valueContainsNull ? [] : [`no NULL in '${path}'`]),
    ...typeFaults(type.keyType, `${path}.key`),
    ...typeFaults(type.valueType, `${path}.value`),
  ];
}

function fieldFaults(field: DeltaField, above: string): readonly string[] {
  const path = above + field.name;
  const named = Object.keys(field.metadata).flatMap((key) =>
    Object.hasOwn(columnFeatures, key) ? [`${columnFeatures[key]} ('${path}')`] : [],
  );
  const faults = new Set(named);
  if (!field.nullable) faults.add(`NOT NULL ('${path}')`);
  return [...faults, ...typeFaults(field.type, path)];
}

const unitMs: Readonly<Record<string, number>> = {
  microsecond: 1 / 1000,
  millisecond: 1,
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: dayMs,
  week: 7 * dayMs,
};

/** A duration such as `interval 30 days` or `interval 1 day 12 hours`, in ms; null when it can't be read. */
export function parseInterval(text: string): number | null {
  const words = text
    .trim()
    .toLowerCase()
    .replace(/^interval\s+/, '')
    .split(/\s+/);
  if (words.length % 2 !== 0) return null;
  let ms = 0;
  for (let at = 0; at < words.length; at += 2) {
    const amount = Number(words[at]?.replaceAll("'", ''));
    const unit = unitMs[words[at + 1]?.replaceAll("'", '').replace(/s$/, '') ?? ''];
    if (unit === undefined || !Number.isFinite(amount)) return null;
    ms += amount * unit;
  }
  return ms;
}

function configurationFaults({ configuration, format }: MetaData, mode: TableMode): readonly string[] {
  const faults: string[] = [];
  const retention = configuration['delta.logRetentionDuration'];
  // Under a day, a version that was cleaned up could be written anew by a reducer that was slow.
  if (retention !== undefined && (parseInterval(retention) ?? 0) < dayMs) {
    faults.push(`a log retention under a day (delta.logRetentionDuration = ${retention})`);
  }
  if (configuration['delta.appendOnly'] === 'true' && mode !== 'append') faults.push(`append-only, while the job's mode is '${mode}'`);
  if ((configuration['delta.columnMapping.mode'] ?? 'none') !== 'none') faults.push('column mapping');
  if (configuration['delta.enableChangeDataFeed'] === 'true') faults.push('change data feed');
  for (const key of Object.keys(configuration)) {
    if (key.startsWith('delta.constraints.')) faults.push(`the check constraint '${key.slice('delta.constraints.'.length)}'`);
  }
  if (format.provider !== 'parquet') faults.push(`data files in the format '${format.provider}'`);
  return faults;
}

/** What the table asks of a writer that we don't do, each by its name; empty for a table that we may write to. */
export function unsupportedFeatures(protocol: Protocol | null, metaData: MetaData | null, mode: TableMode): readonly string[] {
  const faults = protocol === null ? [] : [...protocolFaults(protocol)];
  if (metaData === null) return faults;
  faults.push(...configurationFaults(metaData, mode));
  faults.push(...decodeSchema(metaData.schemaString).fields.flatMap((field) => fieldFaults(field, '')));
  return faults;
}

/**
 * Checks that we may write to a table as we do; one that doesn't exist yet is fine.
 * @throws FanlakeError `table.unsupported` naming every feature that we don't write; `table.corrupt` for a table without protocol or metadata
 */
export function checkWritable(snapshot: Snapshot, mode: TableMode, table = 'the table'): void {
  if (snapshot.version < 0) return;
  if (snapshot.protocol === null || snapshot.metaData === null) {
    const missing = snapshot.protocol === null ? 'protocol' : 'metaData';
    throw new FanlakeError(
      'table.corrupt',
      `${table} has a log without '${missing}' at version ${snapshot.version}. Repair it with the tool that wrote it.`,
      {
        version: snapshot.version,
      },
    );
  }
  const features = unsupportedFeatures(snapshot.protocol, snapshot.metaData, mode);
  if (features.length === 0) return;
  throw new FanlakeError(
    'table.unsupported',
    `${table} can't be written to: it has ${features.join('; ')}. Fanlake writes tables of reader version 1 and writer version 2 without these; write to another table.`,
    { features },
  );
}

/**
 * Checks that reading the files of the snapshot, all their rows and columns by name, gives the table's rows.
 * @throws FanlakeError `table.unsupported` naming what a reader would have to do (deletion vectors, column mapping, ...)
 */
export function checkReadable(snapshot: Snapshot, table = 'the table'): void {
  const { protocol } = snapshot;
  if (protocol === null || (protocol.minReaderVersion <= ourProtocol.minReaderVersion && (protocol.readerFeatures ?? []).length === 0))
    return;
  const features = protocol.readerFeatures?.length ? protocol.readerFeatures : [`reader version ${protocol.minReaderVersion}`];
  throw new FanlakeError(
    'table.unsupported',
    `${table} can't be read: it needs ${features.join(', ')}. Read it with a tool that has that.`,
    { features },
  );
}
