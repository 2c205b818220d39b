import { parseArgs } from 'node:util';
import * as fc from 'fast-check';
import { checkQuery } from './check-query.ts';
import { QueryBench } from './in-stages.ts';
import { sideSql } from './random-branches.ts';
import { randomCase } from './random-case.ts';

const help = `npm run queries -- [count] [--seed n] [--show]

Random queries over random tables, each cut 1 to 40 ways, compared with one DuckDB.

  count     how many queries (default 10000)
  --seed    of the first (default 1); the same seed gives the same queries
  --show    prints each query`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: '1' }, show: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
});
if (values.help === true) {
  console.log(help);
  process.exit(0);
}
const count = Number(positionals[0] ?? 10_000);
const seed = Number(values.seed);
if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed)) {
  console.error('count and --seed must be whole numbers. See npm run queries -- --help');
  process.exit(2);
}
const bench = await QueryBench.open();
await bench.makeSide('side', sideSql);
const started = performance.now();
let done = 0;
const result = await fc.check(
  fc.asyncProperty(randomCase, async ({ query, table, cuts, asText, chance }) => {
    if (values.show === true) console.log(query.sql);
    await bench.makeTable(table, cuts, asText);
    const difference = await checkQuery(bench, query, chance());
    done += 1;
    if (done % 500 === 0) console.error(`${done} of ${count} queries`);
    if (difference !== null) throw new Error(`${difference}\n${query.sql}`);
  }),
  { numRuns: count, seed, interruptAfterTimeLimit: 12 * 3_600_000 },
);
await bench.close();
const seconds = ((performance.now() - started) / 1000).toFixed(0);
if (result.failed) {
  console.log(`differs (seed ${result.seed}, path ${result.counterexamplePath ?? ''}):\n${String(result.errorInstance)}`);
  process.exit(1);
}
console.log(`${result.numRuns} queries in ${seconds} s: every answer is one DuckDB's`);
