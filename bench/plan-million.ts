import { rmSync } from 'node:fs';
import { LocalFanlake } from '../cli/local/local-fanlake.ts';
import { draftPlan } from '../functions/coordinator/draft-plan.ts';
import { parseJob } from '../functions/core/job.ts';
import { writePlan } from '../functions/protocol/write-plan.ts';

/** Plans a run of one-byte splits and writes the plan with its pages, but sends nothing. Arguments: the input (under 1 MB), the home. */
const [input = '', home = ''] = process.argv.slice(2);
rmSync(home, { recursive: true, force: true });
const fanlake = new LocalFanlake(home);
const object = await fanlake.home.stores.landing.head(input);
if (object === null) throw new Error(`no file ${input}`);
const job = parseJob({ name: 'million', input: { format: 'csv' }, table: { name: 't' } });
const { draft, tasks } = await draftPlan(fanlake.context.plan, {
  job,
  run: 'million-0',
  epoch: 0,
  table: 't',
  objects: [object],
  splitBytes: 1,
});
const { plan } = await writePlan(fanlake.context, { ...draft, requests: {} }, tasks);
console.log(plan.tasks.toLocaleString('en'));
await fanlake.close();
