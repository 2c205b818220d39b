import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CompleteMultipartUploadCommand, CopyObjectCommand, CreateMultipartUploadCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deltaRsMissing, readDelta } from '../delta-rs.ts';
import { runSql, sorted, sqlText, tableRows, textRows } from '../e2e/duckdb.ts';
import { type Deployment, deployment, onLocalStack, until } from './deployment.ts';

const people = ['id,name,born', '1,"Ada, Countess",1815-12-10', '2,"Grace\nHopper",1906-12-09', '3,Émilie,1706-12-17', ''].join('\n');

onLocalStack('an upload', () => {
  let stack: Deployment;
  let folder: string;

  beforeAll(async () => {
    stack = await deployment();
    folder = mkdtempSync(join(tmpdir(), 'fanlake-uploads-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const path = (name: string): string => join(folder, name);

  /** The same people in each format, made by DuckDB. */
  async function inputs(): Promise<readonly (readonly [table: string, key: string, file: string, read: string])[]> {
    writeFileSync(path('people.csv'), people);
    writeFileSync(path('people.csv.gz'), gzipSync(people));
    const source = `read_csv(${sqlText(path('people.csv'))})`;
    await runSql(`COPY (FROM ${source}) TO ${sqlText(path('people.parquet'))} (FORMAT parquet)`);
    await runSql(`COPY (FROM ${source}) TO ${sqlText(path('people.jsonl'))} (FORMAT json)`);
    return [
      ['visits_csv', 'csv/people.csv', path('people.csv'), source],
      ['visits_gzip', 'gzip/people.csv.gz', path('people.csv.gz'), source],
      ['visits_parquet', 'parquet/people.parquet', path('people.parquet'), `read_parquet(${sqlText(path('people.parquet'))})`],
      ['visits_json', 'json/people.jsonl', path('people.jsonl'), `read_json(${sqlText(path('people.jsonl'))})`],
    ];
  }

  it('of CSV, gzipped CSV, Parquet and JSON lines is in its Delta table, row for row as DuckDB reads the file', async (context) => {
    const all = await inputs();
    for (const [, key, file] of all) await stack.upload(key, readFileSync(file));
    for (const [table, , , read] of all) {
      const [outcome] = await stack.outcomes(table, 1);
      expect(outcome).toMatchObject({ outcome: 'COMMITTED', rows: { read: 3, written: 3 }, error: null });
      const local = await stack.fetchTable(table, folder);
      expect(sorted(await tableRows(local)), table).toEqual(sorted(await textRows(`FROM ${read}`)));
    }
    const missing = await deltaRsMissing('tables on S3 read by delta-rs');
    if (missing !== null) return context.skip(missing);
    for (const [table] of all) {
      const { rows, columns } = await readDelta(path(table));
      expect(columns.map(({ name }) => name)).toEqual(['id', 'name', 'born']);
      expect(rows.map(({ name }) => name).sort()).toEqual(['Ada, Countess', 'Grace\nHopper', 'Émilie'].sort());
    }
  });

  it('has any key that S3 takes, a copy and a multipart upload among them', async () => {
    const prefix = 'odd keys/';
    const longest = `${prefix}${'k'.repeat(1_024 - prefix.length - '.csv'.length)}.csv`;
    const names = ['with space.csv', 'a+b.csv', '100%.csv', '%41.csv', 'été/日本.csv', "quote'.csv", 'a&b=c.csv', 'é😀.csv'];
    const keys = [...names.map((name) => `${prefix}${name}`), longest];
    for (const [index, key] of keys.entries()) await stack.upload(key, `place,n\nplain,${index}\n`);
    const Bucket = stack.of('LandingBucket');
    const CopySource = `${Bucket}/${encodeURIComponent(keys[0] ?? '')}`;
    await stack.s3.send(new CopyObjectCommand({ Bucket, Key: `${prefix}copy of it.csv`, CopySource }));
    await uploadInParts(stack, `${prefix}in parts.csv`);
    const outcomes = await stack.outcomes('odd_keys', keys.length + 2);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(outcomes.map(() => 'COMMITTED'));
    const rows = await tableRows(await stack.fetchTable('odd_keys', folder));
    const counts = Map.groupBy(rows, ([place]) => place);
    // the first was copied
    expect(
      counts
        .get('plain')
        ?.map(([, n]) => n)
        .sort(),
    ).toEqual(['0', ...keys.map((_, index) => String(index))].sort());
    expect(counts.get('part')).toHaveLength(linesInParts);
  });

  it("under no job's prefix is ignored, with a log line and a metric", async () => {
    const before = await stack.metric('UploadsIgnored');
    await stack.upload('elsewhere/a.csv', people);
    await until('the upload is ignored', async () => (await stack.metric('UploadsIgnored')) > before);
    const lines = await stack.logLines('Coordinator');
    expect(lines).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining('no job has a prefix of it'), key: 'elsewhere/a.csv' }),
    );
  });
});

const linesInParts = 600_000;

/** An object of two parts, as a large upload is. */
async function uploadInParts(stack: Deployment, key: string): Promise<void> {
  const place = { Bucket: stack.of('LandingBucket'), Key: key };
  const body = Buffer.from(`place,n\n${Array.from({ length: linesInParts }, (_, n) => `part,${n}\n`).join('')}`);
  const half = 5 << 20;
  const { UploadId } = await stack.s3.send(new CreateMultipartUploadCommand(place));
  const Parts = [];
  for (const [index, Body] of [body.subarray(0, half), body.subarray(half)].entries()) {
    const PartNumber = index + 1;
    const { ETag } = await stack.s3.send(new UploadPartCommand({ ...place, UploadId, PartNumber, Body }));
    Parts.push({ ETag, PartNumber });
  }
  await stack.s3.send(new CompleteMultipartUploadCommand({ ...place, UploadId, MultipartUpload: { Parts } }));
}
