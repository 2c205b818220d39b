import { FanlakeError } from '../errors.ts';
import type { Action } from './actions.ts';
import type { DeltaStruct } from './delta-types.ts';
import { decodeSchema, isSameType, isWithoutColumns } from './schema.ts';
import type { LogEntry, Snapshot } from './snapshot.ts';
import { unsupportedFeatures } from './writable.ts';

/** Who appends, and what its files are. */
export interface Appending {
  readonly run: string;
  readonly epoch: number;
  /** The table's version that the decision names; -1 when there was no table. */
  readonly seenVersion: number;
  /** The columns of its rows, partition columns included, as `schemaOf` gives them; the schema of a table that it creates. */
  readonly schema: DeltaStruct;
  readonly partitionColumns: readonly string[];
  /** Whether it is the rest of a run that is committed in part: that can only be loaded as it was planned. */
  readonly isRemainder: boolean;
}

/** Why data files of this schema can't be appended to a table of that one, or null. */
function misfit(written: DeltaStruct, table: DeltaStruct): string | null {
  const known = new Map(table.fields.map((field) => [field.name, field]));
  for (const { name, type } of written.fields) {
    const field = known.get(name);
    if (field === undefined) return `it has no column '${name}'`;
    if (!isSameType(type, field.type)) return `its column '${name}' has another type`;
  }
  return null;
}

/** What an action of another's entry changes that the member's files depend on, or null. */
function harm(action: Action, member: Appending): string | null {
  if ('protocol' in action) {
    const features = unsupportedFeatures(action.protocol, null, 'append');
    return features.length === 0 ? null : `it now asks for ${features.join('; ')}`;
  }
  if (!('metaData' in action)) return null;
  const features = unsupportedFeatures(null, action.metaData, 'append');
  if (features.length > 0) return `it now has ${features.join('; ')}`;
  if (isWithoutColumns(action.metaData)) return null;
  const { partitionColumns, schemaString } = action.metaData;
  if (JSON.stringify(partitionColumns) !== JSON.stringify(member.partitionColumns)) {
    return `it is now partitioned by ${partitionColumns.length === 0 ? 'nothing' : partitionColumns.join(', ')}`;
  }
  return misfit(member.schema, decodeSchema(schemaString));
}

const adapt = 'Adapt the job, then run it over the same input again.';

/**
 * Why a member's files can't be appended any more, or null. Files that others added or removed don't matter to an append. A change of protocol or
 * metadata conflicts only if the files would not fit it: many first uploads of a new table each decide before it exists, and the one whose entry
 * creates it doesn't fail the rest.
 * @param table the table that the entry appends to (for a new one: as the entry creates it)
 * @param entries of the log; those up to the member's `seenVersion` are passed over
 */
export function checkConflicts(member: Appending, table: Snapshot, entries: readonly LogEntry[]): FanlakeError | null {
  const now: LogEntry = {
    version: table.version,
    actions: [
      ...(table.protocol === null ? [] : [{ protocol: table.protocol }]),
      ...(table.metaData === null ? [] : [{ metaData: table.metaData }]),
    ],
  };
  for (const { version, actions } of [...entries.filter((entry) => entry.version > member.seenVersion), now]) {
    for (const action of actions) {
      const found = harm(action, member);
      if (found === null) continue;
      const way = member.isRemainder ? `Undo that, then load what is missing: fanlake retry ${member.run}` : adapt;
      return new FanlakeError(
        'commit.conflict',
        `run ${member.run} can't be committed: the table changed at version ${version} in a way that its files don't fit: ${found}. ${way}`,
        { run: member.run, epoch: member.epoch, version, found },
      );
    }
  }
  return null;
}
