import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, type Json } from '@duckdb/node-api';
import type { AggregateCall, AggregateOrder, Decomposed } from '../../../functions/core/planner/aggregate-call.ts';
import { decompose } from '../../../functions/core/planner/aggregates.ts';

type Row = Record<string, Json>;

/** A call as a query would write it; its types are asked of DuckDB. */
export interface WrittenCall {
  readonly name: string;
  readonly args: readonly string[];
  readonly distinct?: boolean;
  readonly filter?: string;
  readonly orderBy?: readonly Omit<AggregateOrder, 'type'>[];
}

export function sqlOf({ name, args, distinct, filter, orderBy = [] }: WrittenCall): string {
  const order = orderBy.map(({ sql, direction, nulls }) => `${sql} ${direction} NULLS ${nulls}`).join(', ');
  const inside = `${distinct ? 'DISTINCT ' : ''}${args.join(', ')}${order === '' ? '' : ` ORDER BY ${order}`}`;
  const call = name === 'count_star' ? 'count(*)' : `${name}(${inside})`;
  return filter === undefined ? call : `${call} FILTER (WHERE ${filter})`;
}

/** Calls in parts: with the names and the types of their part columns. */
interface Prepared {
  readonly bound: readonly { readonly parts: Decomposed; readonly columns: readonly string[] }[];
  readonly types: readonly string[];
}

/** How the rows of a table `data` with columns g and slice are put together. */
export interface Route {
  /** Into so many slices the rows go. */
  readonly slices: number;
  /** So often the parts of slices are combined, two at a time, before the end. */
  readonly levels: number;
  /** Whether by g. */
  readonly grouped: boolean;
}

/** Types that a Parquet file doesn't hold as they are, anywhere in another. */
const notHeld = /\b(U?HUGEINT|INTERVAL|TIME WITH TIME ZONE|BIT|BIGNUM)\b/g;

/** A DuckDB in which aggregates are computed in one pass, and in parts that are Parquet files. */
export class PartsBench {
  private readonly folder = mkdtempSync(join(tmpdir(), 'fanlake-aggregates-'));
  private readonly connection: DuckDBConnection;
  private files = 0;
  private readonly known = new Map<readonly WrittenCall[], Prepared>();

  private constructor(connection: DuckDBConnection) {
    this.connection = connection;
  }

  static async open(): Promise<PartsBench> {
    const instance = await DuckDBInstance.create(':memory:', { lambda_syntax: 'ENABLE_SINGLE_ARROW' });
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    return new PartsBench(connection);
  }

  close(): void {
    this.connection.closeSync();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async rows(sql: string): Promise<readonly Row[]> {
    return (await this.connection.runAndReadAll(sql)).getRowObjectsJson();
  }

  private async types(select: readonly string[], from: string): Promise<readonly string[]> {
    if (select.length === 0) return [];
    return (await this.rows(`DESCRIBE SELECT ${select.join(', ')} FROM ${from}`)).map((row) => String(row['column_type']));
  }

  /** The calls with their types in the table `data`. */
  async bound(calls: readonly WrittenCall[]): Promise<readonly AggregateCall[]> {
    const results = await this.types(calls.map(sqlOf), 'data');
    const texts = calls.flatMap(({ args, orderBy = [] }) => [...args, ...orderBy.map(({ sql }) => sql)]);
    const known = new Map((await this.types([...new Set(texts)], 'data')).map((type, i) => [[...new Set(texts)][i] ?? '', type]));
    return calls.map(({ name, args, distinct = false, filter = null, orderBy = [] }, i) => ({
      name,
      args: args.map((sql) => ({ sql, type: known.get(sql) ?? '' })),
      distinct,
      filter,
      orderBy: orderBy.map((order) => ({ ...order, type: known.get(order.sql) ?? '' })),
      type: results[i] ?? '',
    }));
  }

  private async decomposed(calls: readonly WrittenCall[]): Promise<Prepared> {
    const prepared = this.known.get(calls);
    if (prepared !== undefined) return prepared;
    const bound = (await this.bound(calls)).map((call, i) => {
      const parts = decompose(call);
      if (parts === null || 'refused' in parts) throw new Error(`${call.name} is not computed in parts`);
      return { parts, columns: parts.partials.map((_, j) => `p${i}_${j}`) };
    });
    const types = await this.types(
      bound.flatMap(({ parts }) => parts.partials),
      'data',
    );
    this.known.set(calls, { bound, types });
    return { bound, types };
  }

  /** Makes a table `one` of the calls over `data` in one pass, and `several` of the same in parts; columns g, c0, c1, ... */
  async both(calls: readonly WrittenCall[], route: Route): Promise<void> {
    const g = route.grouped ? 'g' : "'all' AS g";
    const by = route.grouped ? 'GROUP BY g' : '';
    await this.rows(
      `CREATE OR REPLACE TABLE one AS SELECT ${[g, ...calls.map((call, i) => `${sqlOf(call)} AS c${i}`)].join(', ')} FROM data ${by}`,
    );
    await this.inParts(calls, route);
  }

  async inParts(calls: readonly WrittenCall[], { slices, levels, grouped }: Route): Promise<void> {
    const { bound, types } = await this.decomposed(calls);
    const [g, by] = grouped ? ['g', 'GROUP BY g'] : ["'all' AS g", ''];
    const columns = bound.flatMap((call) => call.columns);
    const partials = bound.flatMap((call) => call.parts.partials);
    const stored = types.map((type) => type.replace(notHeld, 'VARCHAR'));
    const write = async (expressions: readonly string[], from: string): Promise<string> => {
      const path = join(this.folder, `${this.files++}.parquet`);
      const cast = expressions.map((sql, i) => `CAST(${sql} AS ${stored[i]}) AS ${columns[i]}`);
      await this.rows(`COPY (SELECT ${[g, ...cast].join(', ')} FROM ${from} ${by}) TO '${path}'`);
      return path;
    };
    const read = (paths: readonly string[]): string => {
      if (paths.length === 0)
        return `(SELECT ${types.map((type, i) => `CAST(NULL AS ${type}) AS ${columns[i]}`).join(', ')} WHERE false) AS parts`;
      const back = columns.map((name, i) => `CAST(${name} AS ${types[i]}) AS ${name}`);
      const list = paths.map((path) => `'${path}'`).join(', ');
      // keys may have names that lambdas could have
      return `(SELECT ${['g', '1 AS s', '2 AS a', '3 AS b', '4 AS e', ...back].join(', ')} FROM read_parquet([${list}], hive_partitioning = false)) AS parts`;
    };
    let paths: readonly string[] = await Promise.all(
      Array.from({ length: slices }, (_, i) => write(partials, `(FROM data WHERE slice % ${slices} = ${i}) AS input`)),
    );
    const combine = bound.flatMap((call) => call.parts.combine(call.columns));
    const combined = await this.types(combine, read(paths));
    const other = combined.findIndex((type, i) => type !== types[i]);
    if (other >= 0) throw new Error(`${combine[other]} has type ${combined[other]}, and ${partials[other]} has ${types[other]}`);
    for (let level = 0; level < levels; level++) {
      const pairs = Array.from({ length: Math.ceil(paths.length / 2) }, (_, i) => paths.slice(2 * i, 2 * i + 2));
      paths = await Promise.all(pairs.map((pair) => write(combine, read(pair))));
    }
    const finals = bound.map((call, i) => `${call.parts.final(call.columns)} AS c${i}`);
    await this.rows(`CREATE OR REPLACE TABLE several AS SELECT ${[g, ...finals].join(', ')} FROM ${read(paths)} ${by}`);
  }

  /** The answer of one call in parts for all rows, as text. */
  async value(call: WrittenCall, slices: number): Promise<string> {
    await this.inParts([call], { slices, levels: 0, grouped: false });
    const [row] = await this.rows('SELECT CAST(c0 AS VARCHAR) AS v FROM several');
    return String(row?.['v']);
  }
}
