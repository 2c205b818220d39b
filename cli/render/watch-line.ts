import type { WatchEvent, WatchSummary } from '../local/watch-events.ts';
import { harmless } from './error.ts';
import { bytes, counted, duration } from './numbers.ts';

type Ended = Extract<WatchEvent, { event: 'ended' }>;

const endWords = { COMMITTED: 'committed', PARTIAL: 'PARTIAL  ', FAILED: 'FAILED   ', CANCELLED: 'CANCELLED' } as const;

function endedLine({ outcome, key, run, rows, version, seconds, error }: Ended): string {
  const what = `${endWords[outcome]} ${key ?? run}:`;
  const where = version === null ? 'no log entry' : `version ${version}`;
  if (outcome === 'COMMITTED') return `${what} ${counted(rows, 'row')}, ${where}, ${duration(seconds)}`;
  const reason = error === null ? '' : ` ${error.message} [${error.code}]`;
  const loaded = outcome === 'PARTIAL' ? ` ${counted(rows, 'row')}, ${where}.` : '';
  return `${what}${loaded}${reason} Run ${run}.`;
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
export function watchLine(event: WatchEvent): string {
  return harmless(textOf(event));
}

function textOf(event: WatchEvent): string {
  switch (event.event) {
    case 'watching':
      return event.jobs.map(({ job, folder, table }) => `watching  ${folder} for job ${job} into table ${table}`).join('\n');
    case 'resumed':
      return `resumed   ${event.key ?? event.run}`;
    case 'landed':
      return `landed    ${event.key}: ${bytes(event.bytes)}, run ${event.run}`;
    case 'ended':
      return endedLine(event);
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
