import { appendFileSync, mkdirSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeS3Client } from '../functions/adapters/s3-client.ts';
import { S3Store } from '../functions/adapters/s3-store.ts';
import { systemNonces } from '../functions/adapters/system-clock.ts';
import { cdkBootstrap, cdkDeploy, environmentOf } from '../test/localstack/cdk-command.ts';
import { startLocalStack } from '../test/localstack/server.ts';
import { median } from './measured-process.ts';

/**
 * `npm run bench:upload`: seconds from an upload's end to the log entry that has its rows, on a LocalStack of its own with the deployment of the tests (four workers at once,
 * splits of 16 MiB). Appends a dated table to bench/results/upload.md.
 */
const warmUploads = 30;
const flood = 300;
const largeBytes = 200e6;
const patienceMs = 300_000;
const folder = join(import.meta.dirname, '../node_modules/.cache/fanlake/bench-upload');
const stack = 'Bench';
const startLoad = loadavg()[0] ?? 0;

const localStack = await startLocalStack({ stateFolder: folder, log: console.log });
const environment = environmentOf(localStack.endpoint);
Object.assign(process.env, environment, { FANLAKE_TEST_STACK: stack });
const options = { environment, folder, app: 'npx node test/localstack/app.ts' };
await cdkBootstrap(options);
const outputs = await cdkDeploy(stack, options);
const s3 = makeS3Client();
const store = (bucket = ''): S3Store => new S3Store({ client: s3, bucket, nonces: systemNonces });
const [landing, lake] = [store(outputs['LandingBucket']), store(outputs['LakeBucket'])];

/** The entries of a table's log, read one after another as they come, and the uploads that they name. */
class Log {
  readonly sources = new Set<string>();
  entries = 0;
  readonly #table: string;

  constructor(table: string) {
    this.#table = table;
  }

  /** Waits until so many uploads are in the table. */
  async until(count: number): Promise<void> {
    const giveUpAt = performance.now() + patienceMs;
    while (this.sources.size < count) {
      const entry = await lake.get(`${this.#table}/_delta_log/${String(this.entries).padStart(20, '0')}.json`);
      if (entry === null) {
        if (performance.now() > giveUpAt)
          throw new Error(`${this.sources.size} of ${count} uploads are in ${this.#table} after ${patienceMs / 1000} s`);
        await sleep(5);
        continue;
      }
      this.entries += 1;
      for (const [key] of Buffer.from(entry.body)
        .toString()
        .matchAll(/(?:many|large)\/[\w-]+\.csv/g))
        this.sources.add(key);
    }
  }
}

const text = (file: number): string =>
  `id,shop,seconds\n${Array.from({ length: 10 }, (_, row) => `${file * 10 + row},shop ${row},${row / 2}`).join('\n')}\n`;

/** Seconds from the end of an upload to the log entry that names it. */
async function upload(log: Log, key: string, body: string | Uint8Array): Promise<number> {
  const wanted = log.sources.size + 1;
  await landing.put(key, body);
  const uploaded = performance.now();
  await log.until(wanted);
  return (performance.now() - uploaded) / 1000;
}

function largeCsv(): Buffer {
  const lines = ['id,shop,seconds\n'];
  for (let [row, bytes] = [0, 0]; bytes < largeBytes; row++) {
    const line = `${row},shop ${row % 1_000} in a street with a long name,${row / 8}\n`;
    bytes += line.length;
    lines.push(line);
  }
  return Buffer.from(lines.join(''));
}

async function atOnce(log: Log): Promise<{ readonly seconds: number; readonly commits: number }> {
  const [known, entries] = [log.sources.size, log.entries];
  await Promise.all(Array.from({ length: flood }, (_, file) => landing.put(`many/flood-${file}.csv`, text(file))));
  const uploaded = performance.now();
  await log.until(known + flood);
  return { seconds: (performance.now() - uploaded) / 1000, commits: log.entries - entries };
}

const [many, large] = [new Log('many'), new Log('large')];
const cold = await upload(many, 'many/first.csv', text(0));
const warm: number[] = [];
for (let file = 0; file < warmUploads; file++) warm.push(await upload(many, `many/warm-${file}.csv`, text(file)));
const flooded = await atOnce(many);
const csv = largeCsv();
const wholeLarge = await upload(large, 'large/large.csv', csv);
const endLoad = loadavg()[0] ?? 0;
await localStack.stop();

const p95 = [...warm].sort((a, b) => a - b)[Math.ceil(warm.length * 0.95) - 1] ?? Number.NaN;
const report = `
## ${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}, LocalStack 4.9.2 (${localStack.kind})

\`npm run bench:upload\`, whole system on this machine; load average ${startLoad.toFixed(1)} at the start, ${endLoad.toFixed(1)} at the end. From the end of the upload to the log entry that has its rows:

| | |
|---|---|
| a file of ten rows, the first after the deployment (functions start) | ${cold.toFixed(2)} s |
| a file of ten rows, ${warmUploads} one after another | median ${median(warm).toFixed(2)} s, 95 % within ${p95.toFixed(2)} s |
| ${flood} such files at once | ${flooded.seconds.toFixed(1)} s until the last is in, ${flooded.commits} log entries, none lost |
| a CSV of ${(csv.length / 1e6).toFixed(0)} MB, splits of 16 MiB, four workers at once | ${wholeLarge.toFixed(1)} s |
`;
mkdirSync(join(import.meta.dirname, 'results'), { recursive: true });
appendFileSync(join(import.meta.dirname, 'results', 'upload.md'), report);
console.log(report);
