import { rmSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';

/** The other engine: one DuckDB that does the same COPY over the whole file, as a process of its own. Arguments: input, output folder, query, partition column. */
const [input = '', output = '', query = '', partitionBy] = process.argv.slice(2);
rmSync(output, { recursive: true, force: true });
const instance = await DuckDBInstance.create(':memory:', { threads: process.env['THREADS'] ?? '2' });
const connection = await instance.connect();
await connection.run(`CREATE VIEW input AS SELECT * FROM read_csv('${input}')`);
const shape = partitionBy === undefined ? `FILE_SIZE_BYTES '256MB'` : `PARTITION_BY (${partitionBy})`;
await connection.run(`COPY (${query}) TO '${output}' (FORMAT parquet, COMPRESSION zstd, ${shape})`);
const count = await connection.runAndReadAll(`SELECT count(*)::INTEGER AS n FROM '${output}/**/*.parquet'`);
console.log(JSON.stringify({ rows: count.getRowsJson()[0]?.[0] }));
