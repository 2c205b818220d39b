import { FanlakeError } from './errors.ts';
import { globPattern } from './glob.ts';
import type { Job } from './job.ts';

/** A job that uploads can be of. */
export type UploadJob = Job & { readonly input: { readonly prefix: string } };

/** What an upload's key says: its job, or why it is of none. `silent`: it is no news, a file that isn't complete or a folder's marker. */
export type KeyVerdict =
  | { readonly kind: 'job'; readonly job: UploadJob }
  | { readonly kind: 'ignored'; readonly reason: string; readonly silent: boolean };

const hasPrefix = (job: Job): job is UploadJob => job.input.prefix !== undefined;

/** Names that programs give to what they are still writing. */
const unfinishedName = /(?:\.(?:tmp|temp|part|partial|filepart|crdownload|download|swp|swx|lock)|~)$/i;

/** What Fanlake writes itself: its roots on a laptop, and what would lie below a table. */
const ownRoot = /^(?:work|lake|quarantine|scratch)\//;
const ownFolder = /(?:^|\/)(?:_delta_log|_fanlake|_tables)\//;
const dataFileName = /-e\d+-\d{7}-(?:[0-9a-f]{12}-)?\d+\.parquet$/;

/**
 * Why no job takes an upload of this key, whatever its prefix, or null: folders' markers, names that begin with a dot or are of files that are
 * being written, tables' logs, what Fanlake wrote.
 */
export function whyIgnored(key: string): { readonly reason: string; readonly silent: boolean } | null {
  const silent = (reason: string) => ({ reason, silent: true });
  const said = (reason: string) => ({ reason, silent: false });
  if (key.endsWith('/')) return silent('it is a folder');
  if (/(?:^|\/)\./.test(key)) return silent('a name with a dot in front is hidden');
  if (unfinishedName.test(key)) return silent('its name says that it is still being written');
  if (/(?:^|\/)_(?!delta_log\/|fanlake\/|tables\/)/.test(key))
    return said('a name with _ in front is taken for the bookkeeping of another tool');
  if (ownRoot.test(key) || ownFolder.test(key) || dataFileName.test(key)) return said('Fanlake or a table wrote it, so it is no input');
  return null;
}

/** A glob without a slash is held against the last part of a key, one with a slash against the key's end. */
function keyPattern(glob: string): (key: string) => boolean {
  const pattern = globPattern(glob.startsWith('/') || !glob.includes('/') ? glob : `**/${glob}`);
  return glob.includes('/') ? (key) => pattern.test(key) : (key) => pattern.test(key.slice(key.lastIndexOf('/') + 1));
}

interface Matcher {
  readonly job: UploadJob;
  readonly include: readonly ((key: string) => boolean)[];
  readonly exclude: readonly ((key: string) => boolean)[];
}

const matcherOf = (job: UploadJob): Matcher => ({
  job,
  include: job.input.include.map(keyPattern),
  exclude: job.input.exclude.map(keyPattern),
});

function judge({ job, include, exclude }: Matcher, key: string): KeyVerdict {
  if (include.length > 0 && !include.some((fits) => fits(key)))
    return { kind: 'ignored', reason: `job '${job.name}' doesn't include it`, silent: false };
  if (exclude.some((fits) => fits(key))) return { kind: 'ignored', reason: `job '${job.name}' excludes it`, silent: false };
  return { kind: 'job', job };
}

/**
 * Answers for any key the job whose upload it is: the longest prefix that the key begins with decides, then that job's globs.
 */
export function jobFinder(jobs: readonly Job[]): (key: string) => KeyVerdict {
  const matchers = jobs
    .filter(hasPrefix)
    .map(matcherOf)
    .sort((a, b) => b.job.input.prefix.length - a.job.input.prefix.length);
  return (key) => {
    const ignored = whyIgnored(key);
    if (ignored !== null) return { kind: 'ignored', ...ignored };
    const matcher = matchers.find(({ job }) => key.startsWith(job.input.prefix));
    return matcher === undefined ? { kind: 'ignored', reason: 'no job has a prefix of it', silent: false } : judge(matcher, key);
  };
}

/**
 * The jobs that uploads can be of: those with a prefix.
 * @throws FanlakeError `job.invalid` when none has one, two have the same name, or the prefixes of two overlap, so that it would depend on a name
 * which of them loads a file
 */
export function uploadJobs(jobs: readonly Job[]): readonly UploadJob[] {
  const found = jobs.filter(hasPrefix);
  if (found.length === 0) {
    const names = jobs.map(({ name }) => `'${name}'`).join(', ');
    const which = jobs.length === 0 ? 'there is no job' : `none of the jobs ${names} has an input.prefix`;
    throw new FanlakeError('job.invalid', `No upload would become a run: ${which}. Give a job an input.prefix such as 'landing/visits/'.`);
  }
  for (const { name, input } of found) {
    const ignored = whyIgnored(`${input.prefix}x.csv`);
    if (ignored === null) continue;
    throw new FanlakeError(
      'job.invalid',
      `The job '${name}' would never see an upload: below its prefix '${input.prefix}' everything is passed over (${ignored.reason}). Choose another prefix.`,
      { job: name, prefix: input.prefix },
    );
  }
  for (const [index, a] of found.entries()) {
    for (const b of found.slice(index + 1)) {
      if (a.name === b.name)
        throw new FanlakeError('job.invalid', `Two jobs are named '${a.name}'. Rename one: the name is part of every run.`);
      const [short, long] = a.input.prefix.length <= b.input.prefix.length ? [a, b] : [b, a];
      if (!long.input.prefix.startsWith(short.input.prefix)) continue;
      throw new FanlakeError(
        'job.invalid',
        `The jobs '${short.name}' and '${long.name}' would take the same uploads: the prefix '${short.input.prefix}' covers '${long.input.prefix}'. ` +
          `Give each a folder of its own, with a slash at its end.`,
        { jobs: [short.name, long.name], prefixes: [short.input.prefix, long.input.prefix] },
      );
    }
  }
  return found;
}
