import type { Column, InputColumn, Layout } from './layout.ts';
import type { ObjectVersion } from './ports.ts';

/** A small table that a query reads beside `input`. */
export interface SideTable {
  /** As the job writes it; queries may write it in any case. */
  readonly name: string;
  readonly columns: readonly Column[];
}

/** A side table as the plan pins it: one version of one object, read whole by every worker. */
export interface PlannedSide extends SideTable {
  readonly object: ObjectVersion;
  readonly layout: Layout;
  readonly columns: readonly InputColumn[];
}

/** Most bytes of a side table's object, as it is stored. */
export const maxSideBytes = 256 * 1024 * 1024;

/** Most bytes of all side tables of a job. */
export const maxSidesBytes = 512 * 1024 * 1024;

/** What is wrong with a name for a side table, to stand behind it; null for one that will do. */
export function sideNameFault(name: string): string | null {
  if (!/^[a-z][a-z0-9_]{0,62}$/i.test(name)) return "must be 1 to 63 characters of letters, digits and '_', beginning with a letter";
  if (/^(input|parts)$/i.test(name)) return 'must not be a name of Fanlake itself (input, parts)';
  return null;
}
