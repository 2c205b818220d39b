import { describe, expect, it } from 'vitest';
import { defineJob, type Job } from '../../../functions/core/job.ts';
import { jobFinder, uploadJobs } from '../../../functions/core/job-of-key.ts';

function job(name: string, prefix?: string, globs: { readonly include?: string[]; readonly exclude?: string[] } = {}): Job {
  return defineJob({ name, input: { ...(prefix === undefined ? {} : { prefix }), ...globs }, table: { name } });
}

/** The job's name, or the reason that none takes the key. */
function answer(jobs: readonly Job[], key: string): string {
  const verdict = jobFinder(jobs)(key);
  return verdict.kind === 'job' ? verdict.job.name : verdict.reason;
}

const visits = job('visits', 'landing/visits/');

describe('jobFinder', () => {
  it('gives a key to the job with the longest prefix of it, in whatever order the jobs are', () => {
    const jobs = [job('all', 'landing/'), job('french', 'landing/visits/fr/'), visits];
    for (const order of [jobs, jobs.toReversed()]) {
      expect(answer(order, 'landing/visits/fr/a.csv')).toBe('french');
      expect(answer(order, 'landing/visits/de/a.csv')).toBe('visits');
      expect(answer(order, 'landing/x.csv')).toBe('all');
    }
  });

  it('gives a key without a matching prefix to none', () => {
    expect(answer([visits], 'landing/visits-2/a.csv')).toContain('no job');
    expect(answer([visits, job('manual')], 'elsewhere/a.csv')).toContain('no job');
  });

  it('holds a glob without a slash against the name, one with a slash against the end of the key', () => {
    const jobs = [job('some', 'in/', { include: ['*.csv', 'logs/*.txt'], exclude: ['old-*', '**/skip/**'] })];
    expect(answer(jobs, 'in/a.csv')).toBe('some');
    expect(answer(jobs, 'in/deep/er/a.csv')).toBe('some');
    expect(answer(jobs, 'in/2024/logs/a.txt')).toBe('some');
    expect(answer(jobs, 'in/logs/deep/a.txt')).toContain("doesn't include");
    expect(answer(jobs, 'in/a.json')).toContain("doesn't include");
    expect(answer(jobs, 'in/old-a.csv')).toContain('excludes');
    expect(answer(jobs, 'in/skip/a.csv')).toContain('excludes');
  });

  it.each([
    'landing/visits/',
    'landing/visits/.a.csv',
    'landing/visits/.folder/a.csv',
    'landing/visits/a.csv.tmp',
    'landing/visits/a.csv.PART',
    'landing/visits/a.csv.crdownload',
    'landing/visits/a.csv~',
    'landing/visits/.a.csv.swp',
  ])('passes over a file that is hidden or still being written without a word: %s', (key) => {
    expect(jobFinder([visits])(key)).toMatchObject({ kind: 'ignored', silent: true });
  });

  it.each([
    'landing/visits/_delta_log/00000000000000000000.json',
    'landing/visits/_fanlake/visits-1/e0/outcome.json',
    'landing/visits/visits-0123456789abcdef0123-e0-0000000-0123456789ab-0.parquet',
    'landing/visits/_SUCCESS',
    'work/runs/a/e0/plan.json',
    'lake/visits/a.parquet',
    'quarantine/visits/a.parquet',
  ])('never takes what a table or Fanlake wrote: %s', (key) => {
    expect(jobFinder([visits, job('greedy', 'l')])(key)).toMatchObject({ kind: 'ignored', silent: false });
  });

  it('takes names that only look like those', () => {
    for (const name of ['tmp', 'a.tmp.csv', 'part.csv', 'a_b.csv', 'e0-0000001.parquet', 'work/a.csv'])
      expect(answer([visits], `landing/visits/${name}`)).toBe('visits');
  });
});

describe('uploadJobs', () => {
  it('keeps the jobs that have a prefix', () => {
    expect(uploadJobs([job('manual'), visits]).map(({ name }) => name)).toEqual(['visits']);
  });

  it.each([
    ['landing/a/', 'landing/a/b/'],
    ['landing/a', 'landing/ab/'],
    ['landing/a/', 'landing/a/'],
  ])('refuses two jobs of which one prefix covers the other, naming both: %s and %s', (first, second) => {
    for (const jobs of [
      [job('one', first), job('two', second)],
      [job('two', second), job('one', first)],
    ]) {
      expect(() => uploadJobs(jobs)).toThrow(/'(one|two)' and '(one|two)'/);
    }
  });

  it('takes prefixes that only begin alike', () => {
    expect(uploadJobs([job('one', 'landing/a/'), job('two', 'landing/ab/')])).toHaveLength(2);
  });

  it('refuses jobs that no upload can be of', () => {
    expect(() => uploadJobs([])).toThrow(expect.objectContaining({ code: 'job.invalid' }));
    expect(() => uploadJobs([job('manual')])).toThrow(/'manual'/);
  });
});

it.each(['_in/', 'landing/_x/', '.in/', 'landing/.hidden/'])(
  'a job is refused below whose prefix %s every upload would be passed over',
  (prefix) => {
    expect(() => uploadJobs([job('a', prefix)])).toThrow(/would never see an upload.*Choose another prefix/);
  },
);
