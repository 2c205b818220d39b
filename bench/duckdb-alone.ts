import { rmSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';

/** What the other engine is to do; without an output it prints the query's answer. */
interface Work {
  readonly input: string;
  readonly query: string;
  readonly sides?: Readonly<Record<string, string>>;
  readonly output?: string;
  readonly partitionBy?: string;
}

/** The other engine: one DuckDB that does the same over all files at once, as a process of its own. Argument: the work, as JSON. */
const { input, query, sides, output, partitionBy } = JSON.parse(process.argv[2] ?? '') as Work;
const instance = await DuckDBInstance.create(':memory:', { threads: process.env['THREADS'] ?? '2' });
const connection = await instance.connect();
for (const [name, path] of Object.entries({ ...sides, input })) {
  await connection.run(`CREATE VIEW "${name}" AS SELECT * FROM ${path.endsWith('.parquet') ? 'read_parquet' : 'read_csv'}('${path}')`);
}
if (output === undefined) {
  const answer = await connection.runAndReadAll(query);
  const rows = answer.getRowsJson();
  console.log(JSON.stringify({ written: rows.length, types: answer.columnTypes().map(String), rows }));
} else {
  rmSync(output, { recursive: true, force: true });
  const shape = partitionBy === undefined ? `FILE_SIZE_BYTES '256MB'` : `PARTITION_BY (${partitionBy})`;
  await connection.run(`COPY (${query}) TO '${output}' (FORMAT parquet, COMPRESSION zstd, ${shape})`);
  const count = await connection.runAndReadAll(`SELECT count(*)::INTEGER AS n FROM '${output}/**/*.parquet'`);
  console.log(JSON.stringify({ written: count.getRowsJson()[0]?.[0] }));
}
