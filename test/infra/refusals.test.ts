import { Bucket } from 'aws-cdk-lib/aws-s3';
import { defineJob, type JobDeclaration } from 'fanlake';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkJobs } from '../../infra/check-jobs.ts';
import { checkPrefix, checkSettings } from '../../infra/check-settings.ts';
import { Synthesis } from './synthesis.ts';

const job = (name: string, more: Partial<JobDeclaration> = {}) =>
  defineJob({ name, input: { prefix: `landing/${name}/`, format: 'csv' }, table: { name: 'visits' }, ...more });

describe('a job that can not run never deploys', () => {
  it.each([
    ['a typo', 'SELEC * FROM input', /job 'visits': .*syntax error/s],
    ['two statements', 'SELECT 1 FROM input; SELECT 2 FROM input', /job 'visits': .*one SELECT/s],
    ['another file', "SELECT * FROM read_csv('/etc/passwd')", /job 'visits': .*\[query\.(forbidden|unsupported)\]/s],
  ])('%s in its query', (_, query, sentence) => {
    expect(() => checkJobs([job('orders'), job('visits', { query })])).toThrow(sentence);
  });

  it('a column or function that is not there, where columns are declared', () => {
    const input = { prefix: 'landing/visits/', format: 'csv', columns: { page: 'VARCHAR' } } as const;
    expect(() => checkJobs([job('visits', { input, query: 'SELECT pgae FROM input' })])).toThrow(
      /job 'visits': .*'pgae'.*did you mean 'page'/s,
    );
    expect(() => checkJobs([job('visits', { input, query: 'SELECT nofunction(page) FROM input' })])).toThrow(/job 'visits': .*nofunction/s);
    expect(checkJobs([job('visits', { input, query: 'SELECT page FROM input' })])).toHaveLength(1);
  });

  it('all faults are said at once, and a query over columns that nobody declared passes', () => {
    const wrong = { query: 'SELEC 1' };
    expect(() => checkJobs([job('a', wrong), job('b'), job('c', wrong)])).toThrow(/job 'a'.*job 'c'/s);
    expect(checkJobs([job('a', { query: 'SELECT * EXCLUDE ("Cost Other"), year(day) AS year FROM input WHERE n > 3' })])).toHaveLength(1);
  });

  it('prefixes that overlap', () => {
    const inner = job('inner', { input: { prefix: 'landing/outer/inner/', format: 'csv' } });
    expect(() => checkJobs([job('outer'), inner])).toThrow(/'landing\/outer\/' covers 'landing\/outer\/inner\/'/);
  });
});

describe('settings that can not work are refused with a sentence', () => {
  let synthesis: Synthesis;
  beforeEach(() => {
    synthesis = new Synthesis();
  });
  afterEach(() => synthesis.dispose());

  it('one bucket for uploads and tables', () => {
    const bucket = (id: string) => Bucket.fromBucketName(synthesis.stack, id, 'the-only-bucket');
    expect(() => synthesis.fanlake({ landingBucket: bucket('A'), lakeBucket: bucket('B') })).toThrow(/different buckets/);
    const own = new Bucket(synthesis.stack, 'Own');
    expect(() => checkSettings({ jobs: [], landingBucket: own, lakeBucket: own })).toThrow(/different buckets/);
    expect(() => checkSettings({ jobs: [], landingBucket: own, lakeBucket: bucket('C') })).not.toThrow();
  });

  it('a name that leaves no room for the names of queues', () => {
    expect(() => checkPrefix('x'.repeat(67))).toThrow(/66 characters, not 67/);
    expect(() => checkPrefix('x'.repeat(66))).not.toThrow();
  });

  it.each([
    [{ workDays: 21 }, /workDays 21.*22 or more/],
    [{ maxConcurrency: { tasks: 1 } }, /maxConcurrency\.tasks 1.*2 to 1000/],
    [{ maxConcurrency: { commits: 1_001 } }, /maxConcurrency\.commits 1001/],
    [{ splitBytes: 0 }, /splitBytes 0/],
  ])('%j', (settings, sentence) => {
    expect(() => checkSettings({ jobs: [], ...settings })).toThrow(sentence);
  });
});
