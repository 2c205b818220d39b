import { join } from 'node:path';
import { FanlakeError } from '../../functions/core/errors.ts';
import type { Job } from '../../functions/core/job.ts';
import { jobFinder, type UploadJob, uploadJobs } from '../../functions/core/job-of-key.ts';
import { tableKeyOf } from '../../functions/core/upload.ts';
import { exitCodes } from '../exit-code.ts';
import { LandingWatch } from '../local/landing-watch.ts';
import { LocalFanlake } from '../local/local-fanlake.ts';
import { engineShare, machineCores } from '../local/machine.ts';
import { UploadTrigger } from '../local/upload-trigger.ts';
import type { WatchEvent } from '../local/watch-events.ts';
import { WatchTally } from '../local/watch-tally.ts';
import { type WatchedFrom, watchLine } from '../render/watch-line.ts';

export interface WatchOptions {
  /** The home folder. */
  readonly home: string;
  readonly jobs: readonly Job[];
  /** How the command was called. */
  readonly from: WatchedFrom;
  /** Worker processes; null: the cores. */
  readonly workers: number | null;
  /** One JSON document a line on stdout (NDJSON) instead of lines for people. */
  readonly json: boolean;
  /** Aborted by Ctrl-C: the normal end. */
  readonly signal: AbortSignal;
}

/** Where a line goes; it comes without its newline. */
export interface WatchOutput {
  readonly stdout: (line: string) => void;
  readonly stderr: (line: string) => void;
}

/** How often runs are looked for that another process ended. */
const sweepEveryMs = 1_000;

/**
 * `fanlake watch`: every file that lands becomes a run of its job, until it is interrupted.
 * @returns the exit code: 130, since only an interruption ends it
 * @throws FanlakeError for jobs that can't be watched, and when this machine can't go on
 */
export async function watchCommand({ home, jobs, from, workers, json, signal }: WatchOptions, out: WatchOutput): Promise<number> {
  const watched = watchableJobs(jobs, out);
  const tally = new WatchTally();
  const report = (event: WatchEvent): void => {
    tally.add(event);
    out.stdout(json ? JSON.stringify(event) : watchLine(event, from));
  };
  const fanlake = new LocalFanlake(home);
  const failures: FanlakeError[] = [];
  const interrupted = aborted(signal);
  const find = jobFinder(watched);
  const landing: LandingWatch = new LandingWatch({
    home: fanlake.home.path,
    prefixes: watched.map(({ input }) => input.prefix),
    wants: (key) => {
      const verdict = find(key);
      return verdict.kind === 'job' || !verdict.silent;
    },
    onLanded: (file) => trigger.offer(file),
    onNotice: (message) => report({ event: 'notice', message }),
  });
  const trigger = new UploadTrigger({ fanlake, jobs: watched, landing, report, giveUp: (error) => failures.push(error) });
  try {
    const count = workers ?? machineCores();
    fanlake.paceCommits(() => pauseFor(trigger.openRuns));
    fanlake.start(count, engineShare(count, true));
    await Promise.race([Promise.all([fanlake.warm(), warmPlanning(fanlake), trigger.begin()]), interrupted]);
    if (!signal.aborted) {
      await landing.start();
      report({ event: 'watching', home: fanlake.home.path, jobs: watched.map((job) => describeJob(fanlake.home.path, job)) });
    }
    while (!signal.aborted && failures.length === 0) {
      await Promise.race([fanlake.nextEvent(sweepEveryMs), interrupted]);
      await trigger.sweep();
    }
  } finally {
    landing.stop();
    await trigger.stop();
    await fanlake.close();
  }
  if (failures[0] !== undefined) throw failures[0];
  report({ event: 'summary', ...tally.summary(trigger.knownBefore, trigger.openRuns) });
  return exitCodes.interrupted;
}

/** No pause for a file or two; in a flood up to a second, so that a log entry is shared by what is done meanwhile. */
const pauseFor = (openRuns: number): number => Math.min(1_000, Math.max(0, openRuns - 4) * 5);

/** Loads the engine of planning ahead of the first upload. */
async function warmPlanning({ context }: LocalFanlake): Promise<void> {
  await context.plan.inspector.bindQuery('SELECT * FROM input', [{ name: 'any', type: 'VARCHAR' }]);
}

const describeJob = (home: string, job: UploadJob) => ({ job: job.name, folder: join(home, job.input.prefix), table: tableKeyOf(job) });

/** @throws FanlakeError `job.invalid`, `not-built` */
function watchableJobs(jobs: readonly Job[], out: WatchOutput): readonly UploadJob[] {
  const watched = uploadJobs(jobs);
  for (const { name, table } of watched) {
    if (table.mode === 'append') continue;
    throw new FanlakeError('not-built', `Job '${name}' can't be watched: the table mode '${table.mode}' is not built yet; 'append' is.`);
  }
  for (const { name, input } of jobs)
    if (input.prefix === undefined) out.stderr(`The job '${name}' is not watched: it has no input.prefix.`);
  return watched;
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
