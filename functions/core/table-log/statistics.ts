import type { RawColumnStatistics } from '../data-file.ts';
import { lowerBound, upperBound } from './bound.ts';
import type { DeltaField, DeltaType } from './delta-types.ts';
import { quoteIdentifier } from './duck-type.ts';

/** As many leaf columns as Delta's readers and writers keep statistics of by default (`delta.dataSkippingNumIndexedCols`). */
const maxLeaves = 32;

interface Leaf {
  readonly path: readonly string[];
  readonly type: DeltaType;
}

/** The leaves of the columns in schema order; a list or map is one leaf, without bounds. */
function leavesOf(fields: readonly DeltaField[], above: readonly string[] = []): readonly Leaf[] {
  return fields.flatMap(({ name, type }) => {
    const path = [...above, name];
    return typeof type === 'object' && type.type === 'struct' ? leavesOf(type.fields, path) : [{ path, type }];
  });
}

/** A JSON object under construction, whose values are JSON texts: numbers of 38 digits pass through unchanged. */
type JsonTree = Map<string, string | JsonTree>;

function plant(tree: JsonTree, path: readonly string[], json: string): void {
  const [name, ...rest] = path;
  if (name === undefined) return;
  if (rest.length === 0) {
    tree.set(name, json);
    return;
  }
  const branch = tree.get(name);
  const below: JsonTree = branch instanceof Map ? branch : new Map();
  tree.set(name, below);
  plant(below, rest, json);
}

function print(tree: JsonTree): string {
  const members = [...tree].map(([name, value]) => `${JSON.stringify(name)}:${typeof value === 'string' ? value : print(value)}`);
  return `{${members.join(',')}}`;
}

/** DuckDB counts a NaN in neither min nor max, while Spark takes it for the largest: only columns surely without one have bounds. */
function mayHaveNan(type: DeltaType, statistics: RawColumnStatistics): boolean {
  return (type === 'double' || type === 'float') && statistics['has_nan'] !== 'false';
}

/**
 * The Delta statistics document of one data file, as JSON text (Delta protocol, "Per-file Statistics"): number of rows, and for the first 32
 * leaf columns the smallest and largest value and the number of NULLs. A bound that can't be told for sure is left out.
 * @param fields the table's columns that are in the data files (without the partition columns), in schema order
 * @param statistics DuckDB's, by quoted column path such as `"st"."x"` (`COPY ... RETURN_STATS`); the session's time zone doesn't matter
 */
export function deltaStatistics(
  fields: readonly DeltaField[],
  rows: number,
  statistics: Readonly<Record<string, RawColumnStatistics>>,
): string {
  const minValues: JsonTree = new Map();
  const maxValues: JsonTree = new Map();
  const nullCount: JsonTree = new Map();
  for (const { path, type } of leavesOf(fields).slice(0, maxLeaves)) {
    const column = path.map(quoteIdentifier).join('.');
    const found = Object.hasOwn(statistics, column) ? statistics[column] : undefined;
    if (found === undefined || typeof type !== 'string') continue;
    const nulls = found['null_count'];
    if (nulls !== undefined && /^\d+$/.test(nulls)) plant(nullCount, path, nulls);
    if (mayHaveNan(type, found)) continue;
    const min = found['min'] === undefined ? null : lowerBound(type, found['min']);
    const max = found['max'] === undefined ? null : upperBound(type, found['max']);
    if (min !== null) plant(minValues, path, min);
    if (max !== null) plant(maxValues, path, max);
  }
  return `{"numRecords":${rows},"minValues":${print(minValues)},"maxValues":${print(maxValues)},"nullCount":${print(nullCount)}}`;
}
