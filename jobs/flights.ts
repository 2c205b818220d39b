import { defineJob } from 'fanlake';

/** Three million US flights, as Parquet: one row in, one row out, and a column more. */
export const flights = defineJob({
  name: 'flights',
  input: { prefix: 'landing/flights/', format: 'parquet' },
  query: `
    SELECT date, origin, destination, distance, delay, delay > 15 AS late, strftime(date, '%Y-%m') AS month
    FROM input
    WHERE origin <> destination`,
  table: { name: 'flights', partitionBy: ['month'] },
});
