import { join, resolve } from 'node:path';
import type { WatchEvent, WatchSummary } from '../local/watch-events.ts';
import { harmless } from './error.ts';
import { bytes, counted, duration } from './numbers.ts';
import { shellWord } from './shell-word.ts';
import { shortPath } from './short-path.ts';

/** How `watch` was called, so that what it says to type can be typed in the same folder. */
export interface WatchedFrom {
  /** As it was typed. */
  readonly home: string;
  /** As it was typed; null for the folder's own `jobs/index.ts`. */
  readonly jobsFile: string | null;
  readonly currentFolder: string;
}

const standardHome = '.fanlake';

type Ended = Extract<WatchEvent, { event: 'ended' }>;

const endWords = { COMMITTED: 'committed', PARTIAL: 'PARTIAL  ', FAILED: 'FAILED   ', CANCELLED: 'CANCELLED' } as const;

function endedLine(ended: Ended, from: WatchedFrom): string {
  const { outcome, key, run, rows, version, seconds, error } = ended;
  const what = `${endWords[outcome]} ${key ?? run}:`;
  const where = version === null ? 'no log entry' : `version ${version}`;
  if (outcome === 'COMMITTED') return `${what} ${counted(rows, 'row')}, ${where}, ${duration(seconds)}`;
  const reason = error === null ? '' : ` ${error.message} [${error.code}]`;
  const loaded = outcome === 'PARTIAL' ? ` ${counted(rows, 'row')}, ${where}.` : '';
  return `${what}${loaded}${reason}\n  Run ${run}. ${wayBack(ended, from)}`.trimEnd();
}

/** What to do after an end that isn't a full commit: a landed file is taken once, so nothing comes of it by itself. */
function wayBack({ outcome, key, job, run, error }: Ended, { home, jobsFile, currentFolder }: WatchedFrom): string {
  const atHome = home === standardHome ? '' : ` --home ${shellWord(home)}`;
  const retry = `fanlake retry ${run}${atHome}`;
  // whether it is in the table isn't known, and the message says what to do
  if (error?.code === 'commit.unknown') return '';
  if (outcome === 'PARTIAL') return `To load what is missing: ${retry}`;
  const path = key === null ? null : shortPath(join(resolve(currentFolder, home), key), currentFolder);
  const jobs = jobsFile === null ? '' : ` --jobs ${shellWord(jobsFile)}`;
  const load = path === null ? null : `fanlake run ${job} --input ${shellWord(path)}${jobs}${atHome}`;
  if (outcome === 'CANCELLED') return load === null ? 'Nothing of it is in the table.' : `To load it after all: ${load} --again`;
  const first = error !== null && /^(input|rows)\./.test(error.code) ? 'Land a corrected file, or load this one' : 'Load it';
  return `Nothing of it is in the table. ${first} when what was wrong is mended: ${load ?? retry}`;
}

function summaryLine({ landed, committed, failed, held, knownBefore, open, rows, commits }: WatchSummary): string {
  const parts = [
    `${counted(landed, 'file')} landed`,
    `${counted(committed, 'run')} committed (${counted(rows, 'row')} in ${counted(commits, 'log entry').replace(/entrys$/, 'entries')})`,
    `${failed} failed`,
    ...(held > 0 ? [`${held} held`] : []),
    ...(knownBefore > 0 ? [`${counted(knownBefore, 'file')} taken before`] : []),
    ...(open > 0 ? [`${counted(open, 'run')} left to the next 'fanlake watch'`] : []),
  ];
  return `Ended: ${parts.join(', ')}.`;
}

/** What `watch` tells, for a person: a line, several only where a message has them. */
export function watchLine(event: WatchEvent, from: WatchedFrom): string {
  return harmless(textOf(event, from));
}

function textOf(event: WatchEvent, from: WatchedFrom): string {
  switch (event.event) {
    case 'watching':
      return event.jobs.map(({ job, folder, table }) => `watching  ${folder} for job ${job} into table ${table}`).join('\n');
    case 'resumed':
      return `resumed   ${event.key ?? event.run}`;
    case 'landed':
      return `landed    ${event.key}: ${bytes(event.bytes)}, run ${event.run}`;
    case 'ended':
      return endedLine(event, from);
    case 'held':
      return `HELD      ${event.key}: ${event.reason}`;
    case 'ignored':
      return `ignored   ${event.key}: ${event.reason}`;
    case 'notice':
      return `note      ${event.message}`;
    case 'summary':
      return summaryLine(event);
  }
}
