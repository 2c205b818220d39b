import { defineJob, type Job } from '../../functions/core/job.ts';

/** An expression that takes some 5 µs of one core for each row and each time, and little memory. */
function work(times: number): string {
  return Array.from({ length: times }, (_, k) => `list_sum(list_transform(range(200), lambda x: (x * n + ${k}) % 7))`).join(' + ');
}

/** The jobs of the deployment that the tests share. Each test file has prefixes and tables of its own. */
export const testJobs: readonly Job[] = [
  defineJob({ name: 'visits-csv', input: { prefix: 'csv/', format: 'csv' }, table: { name: 'visits_csv' } }),
  defineJob({ name: 'visits-json', input: { prefix: 'json/', format: 'json' }, table: { name: 'visits_json' } }),
  defineJob({ name: 'visits-parquet', input: { prefix: 'parquet/', format: 'parquet' }, table: { name: 'visits_parquet' } }),
  defineJob({ name: 'visits-gzip', input: { prefix: 'gzip/', format: 'csv' }, table: { name: 'visits_gzip' } }),
  defineJob({ name: 'odd-keys', input: { prefix: 'odd keys/', format: 'csv' }, table: { name: 'odd_keys' } }),
  defineJob({ name: 'large', input: { prefix: 'large/', format: 'csv' }, table: { name: 'large' } }),
  defineJob({ name: 'many', input: { prefix: 'many/', format: 'csv' }, table: { name: 'many' } }),
  defineJob({ name: 'twice', input: { prefix: 'twice/', format: 'csv' }, table: { name: 'twice' } }),
  defineJob({ name: 'by-hand', input: { prefix: 'by hand/', format: 'csv' }, table: { name: 'by_hand' } }),
  defineJob({ name: 'flood', input: { prefix: 'flood/', format: 'csv' }, table: { name: 'flood' } }),
  defineJob({ name: 'hundred', input: { prefix: 'hundred/', format: 'csv' }, table: { name: 'hundred' } }),
  defineJob({ name: 'ledger', input: { prefix: 'ledger/', format: 'csv' }, table: { name: 'ledger' } }),
  defineJob({ name: 'versions', input: { prefix: 'versions/', format: 'csv' }, table: { name: 'versions' } }),
  defineJob({ name: 'counted', input: { prefix: 'counted/', format: 'csv' }, table: { name: 'counted' } }),
  defineJob({ name: 'poison', input: { prefix: 'poison/', format: 'csv', columns: { n: 'BIGINT' } }, table: { name: 'poison' } }),
  defineJob({
    name: 'killed',
    input: { prefix: 'killed/', format: 'csv', columns: { n: 'BIGINT' } },
    // some seconds, so that there is a middle to be killed in
    query: `SELECT n, ${work(20)} AS s FROM input`,
    table: { name: 'killed' },
  }),
  defineJob({
    name: 'memory',
    input: { prefix: 'memory/', format: 'csv', columns: { n: 'BIGINT' } },
    query: 'SELECT n, len(range(n)) AS l FROM input',
    table: { name: 'memory' },
  }),
  defineJob({
    name: 'slow',
    input: { prefix: 'slow/', format: 'csv', columns: { n: 'BIGINT' } },
    query: `SELECT n, ${work(50)} AS s FROM input`,
    table: { name: 'slow' },
  }),
];
