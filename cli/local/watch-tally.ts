import type { WatchEvent, WatchSummary } from './watch-events.ts';

/** Counts what a `watch` told. */
export class WatchTally {
  private readonly counts = { landed: 0, committed: 0, failed: 0, held: 0, rows: 0 };
  private readonly commits = new Set<string>();

  add(event: WatchEvent): void {
    if (event.event === 'landed') this.counts.landed += 1;
    if (event.event === 'held') this.counts.held += 1;
    if (event.event !== 'ended') return;
    if (event.outcome === 'COMMITTED' || event.outcome === 'PARTIAL') this.counts.committed += 1;
    else this.counts.failed += 1;
    this.counts.rows += event.rows;
    if (event.version !== null) this.commits.add(`${event.job}@${event.version}`);
  }

  summary(knownBefore: number, open: number): WatchSummary {
    return { ...this.counts, knownBefore, open, commits: this.commits.size };
  }
}
