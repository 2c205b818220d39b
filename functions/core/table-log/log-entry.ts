import { FanlakeError } from '../errors.ts';
import type { Action, AddFile, MetaData, Protocol, RemoveFile, Transaction } from './actions.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Why a line can't be read; `decodeEntry` says in which. */
class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(action: string, fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw new Unreadable(`'${action}.${name}' is not text`);
  return value;
}

/** A number; 64-bit ones come as text from some checkpoint readers. */
function number(action: string, fields: Fields, name: string): number {
  const value = fields[name];
  const read = typeof value === 'bigint' || typeof value === 'string' ? Number(value) : value;
  if (typeof read !== 'number' || !Number.isFinite(read)) throw new Unreadable(`'${action}.${name}' is not a number`);
  return read;
}

function has(fields: Fields, name: string): boolean {
  return fields[name] !== undefined && fields[name] !== null;
}

/** A map of texts; checkpoints read by DuckDB's row decoder have lists of `{ key, value }` instead. */
function textMap(action: string, fields: Fields, name: string): Record<string, string | null> {
  const value = fields[name];
  if (value === undefined || value === null) return {};
  const pairs: readonly (readonly [unknown, unknown])[] = Array.isArray(value)
    ? value.map((pair) => (isFields(pair) ? [pair['key'], pair['value']] : [undefined, undefined]))
    : Object.entries(value as object);
  return Object.fromEntries(
    pairs.map(([key, inner]) => {
      const isText = inner === null || inner === undefined || typeof inner === 'string';
      if (typeof key !== 'string' || !isText) throw new Unreadable(`'${action}.${name}' is not a map of texts`);
      return [key, inner ?? null] as const;
    }),
  );
}

function texts(action: string, fields: Fields, name: string): readonly string[] {
  const value = fields[name];
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string'))
    throw new Unreadable(`'${action}.${name}' is not a list of texts`);
  return value as readonly string[];
}

function withoutNulls(map: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).flatMap(([key, value]) => (value === null ? [] : [[key, value] as const])));
}

function decodeProtocol(fields: Fields): Protocol {
  return {
    minReaderVersion: number('protocol', fields, 'minReaderVersion'),
    minWriterVersion: number('protocol', fields, 'minWriterVersion'),
    ...(has(fields, 'readerFeatures') ? { readerFeatures: texts('protocol', fields, 'readerFeatures') } : {}),
    ...(has(fields, 'writerFeatures') ? { writerFeatures: texts('protocol', fields, 'writerFeatures') } : {}),
  };
}

function decodeMetaData(fields: Fields): MetaData {
  const format = isFields(fields['format']) ? fields['format'] : {};
  return {
    id: text('metaData', fields, 'id'),
    ...(has(fields, 'name') ? { name: text('metaData', fields, 'name') } : {}),
    ...(has(fields, 'description') ? { description: text('metaData', fields, 'description') } : {}),
    format: { provider: text('metaData.format', format, 'provider'), options: withoutNulls(textMap('metaData.format', format, 'options')) },
    schemaString: text('metaData', fields, 'schemaString'),
    partitionColumns: texts('metaData', fields, 'partitionColumns'),
    ...(has(fields, 'createdTime') ? { createdTime: number('metaData', fields, 'createdTime') } : {}),
    configuration: withoutNulls(textMap('metaData', fields, 'configuration')),
  };
}

function decodeAdd(fields: Fields): AddFile {
  return {
    path: text('add', fields, 'path'),
    partitionValues: textMap('add', fields, 'partitionValues'),
    size: number('add', fields, 'size'),
    modificationTime: number('add', fields, 'modificationTime'),
    dataChange: fields['dataChange'] !== false,
    ...(has(fields, 'stats') ? { stats: text('add', fields, 'stats') } : {}),
    ...(has(fields, 'tags') ? { tags: textMap('add', fields, 'tags') } : {}),
    ...(isFields(fields['deletionVector']) ? { deletionVector: fields['deletionVector'] } : {}),
  };
}

function decodeRemove(fields: Fields): RemoveFile {
  return {
    path: text('remove', fields, 'path'),
    dataChange: fields['dataChange'] !== false,
    ...(has(fields, 'deletionTimestamp') ? { deletionTimestamp: number('remove', fields, 'deletionTimestamp') } : {}),
    ...(has(fields, 'extendedFileMetadata') ? { extendedFileMetadata: fields['extendedFileMetadata'] === true } : {}),
    ...(has(fields, 'partitionValues') ? { partitionValues: textMap('remove', fields, 'partitionValues') } : {}),
    ...(has(fields, 'size') ? { size: number('remove', fields, 'size') } : {}),
    ...(isFields(fields['deletionVector']) ? { deletionVector: fields['deletionVector'] } : {}),
  };
}

function decodeTransaction(fields: Fields): Transaction {
  return {
    appId: text('txn', fields, 'appId'),
    version: number('txn', fields, 'version'),
    ...(has(fields, 'lastUpdated') ? { lastUpdated: number('txn', fields, 'lastUpdated') } : {}),
  };
}

function decode(value: unknown): Action | null {
  if (!isFields(value)) throw new Unreadable('it is not an object');
  const name = Object.keys(value).find((key) => has(value, key));
  if (name === undefined) return null;
  const fields = value[name];
  if (!isFields(fields)) return { other: { name, value: fields } };
  if (name === 'commitInfo') return { commitInfo: fields };
  if (name === 'protocol') return { protocol: decodeProtocol(fields) };
  if (name === 'metaData') return { metaData: decodeMetaData(fields) };
  if (name === 'add') return { add: decodeAdd(fields) };
  if (name === 'remove') return { remove: decodeRemove(fields) };
  if (name === 'txn') return { txn: decodeTransaction(fields) };
  return { other: { name, value: fields } };
}

function unreadable(where: string, cause: unknown): never {
  const found = cause instanceof Error ? cause.message : String(cause);
  throw new FanlakeError(
    'table.corrupt',
    `${where} of the table's log can't be read: ${found}. Repair it with the tool that wrote it.`,
    { where },
    cause,
  );
}

/**
 * The actions of one log entry. Unknown actions and fields are tolerated, as the protocol demands.
 * @param source names the entry in the message
 * @throws FanlakeError `table.corrupt`
 */
export function decodeEntry(entry: string, source = 'an entry'): readonly Action[] {
  const actions: Action[] = [];
  for (const [index, line] of entry.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      const action = decode(JSON.parse(line));
      if (action !== null) actions.push(action);
    } catch (cause) {
      unreadable(`line ${index + 1} of ${source}`, cause);
    }
  }
  return actions;
}

/**
 * The action of one row of a checkpoint, decoded to an object: all columns but one are null. Maps may be objects or lists of
 * `{ key, value }`. Null for a row that says nothing.
 * @throws FanlakeError `table.corrupt`
 */
export function decodeCheckpointRow(row: unknown, source = 'a checkpoint'): Action | null {
  try {
    return decode(row);
  } catch (cause) {
    return unreadable(`a row of ${source}`, cause);
  }
}

/** A log entry's text: an action a line, each line ended. */
export function encodeEntry(actions: readonly Action[]): string {
  return actions.map((action) => `${JSON.stringify('other' in action ? { [action.other.name]: action.other.value } : action)}\n`).join('');
}
