import type { Comparison } from './comparison.ts';

/** How far a soak is. */
export interface SoakProgress {
  readonly phase: 'load' | 'rest';
  readonly elapsedMs: number;
  readonly uploads: number;
  /** Uploads without an outcome yet. */
  readonly open: number;
  readonly rows: number;
  readonly kills: number;
  readonly commits: number;
}

export interface SoakReport {
  readonly seed: number;
  readonly uploads: number;
  /** Contents that are to be in a table: uploads, and the files of typed runs; not those that were replaced before they were read. */
  readonly files: number;
  readonly kills: Readonly<Record<string, number>>;
  /** Commands that were started again after a kill, by command. */
  readonly restarts: Readonly<Record<string, number>>;
  /** Runs by their last outcome, a failure with its code. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly commits: number;
  readonly seconds: number;
  /** By table. */
  readonly tables: Readonly<Record<string, Comparison>>;
  /** Runs that were planned and never ended. */
  readonly unended: readonly string[];
  /** What happened that should not, in a line each. */
  readonly unexpected: readonly string[];
  /** Where everything is, when something was wrong. */
  readonly folder: string;
}

const sum = (report: SoakReport, of: (comparison: Comparison) => number): number =>
  Object.values(report.tables).reduce((total, comparison) => total + of(comparison), 0);

export const lostRows = (report: SoakReport): number => sum(report, ({ lost }) => lost);
export const doubledRows = (report: SoakReport): number => sum(report, ({ doubled }) => doubled);

export const isGood = (report: SoakReport): boolean =>
  lostRows(report) === 0 && doubledRows(report) === 0 && report.unended.length === 0 && report.unexpected.length === 0;

const number = (value: number): string => value.toLocaleString('en');
const byName = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${number(count)}`)
    .join(', ') || 'none';

const clock = (ms: number): string => `${Math.floor(ms / 60_000)}:${String(Math.floor((ms % 60_000) / 1_000)).padStart(2, '0')}`;

/** One line. */
export function progressLine({ phase, elapsedMs, uploads, open, rows, kills, commits }: SoakProgress): string {
  const what = phase === 'load' ? '' : ', nothing is killed any more';
  return `${clock(elapsedMs)}  ${number(uploads)} uploads (${open} open), ${number(rows)} rows, ${number(kills)} kills, ${number(commits)} commits${what}`;
}

/** The table at the end. */
export function renderReport(report: SoakReport): string {
  const lines: readonly (readonly [string, string])[] = [
    ['seed', String(report.seed)],
    ['uploads', number(report.uploads)],
    ['files in the tables', number(report.files)],
    ['rows', byName(Object.fromEntries(Object.entries(report.tables).map(([table, { expected }]) => [table, expected])))],
    ['rows lost', number(lostRows(report))],
    ['rows doubled', number(doubledRows(report))],
    ['kills', byName(report.kills)],
    ['restarts', byName(report.restarts)],
    ['runs', byName(report.outcomes)],
    ['runs without outcome', number(report.unended.length)],
    ['commits', number(report.commits)],
    ['seconds', report.seconds.toFixed(1)],
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}

/** What was wrong, in a line each. */
export function renderFaults(report: SoakReport): readonly string[] {
  const tables = Object.entries(report.tables).filter(([, { lost, doubled }]) => lost + doubled > 0);
  return [
    ...tables.map(
      ([table, { lost, doubled, files }]) => `${table}: ${lost} rows lost, ${doubled} doubled, of the files ${files.join(', ')}`,
    ),
    ...report.unended.map((run) => `${run} was planned and has no outcome`),
    ...report.unexpected,
    ...(isGood(report) ? [] : [`everything is kept in ${report.folder}`]),
  ];
}
