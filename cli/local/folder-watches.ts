import fs from 'node:fs';
import { isErrno } from '../../functions/adapters/local-errors.ts';
import type { VisitedFolder } from './landing-tree.ts';

/** Reports in a second after which it isn't relied on that none was lost: the kernel's queue holds 16,384. */
const floodReports = 4_000;

export interface FolderReports {
  /** Something happened under this name; null when the system doesn't say under which. `named`: the name itself came (or went), reliably reported. */
  readonly onReport: (folderKey: string, name: string | null, named: boolean) => void;
  /** Folders can't be watched (any more): from now on only looking again finds what lands. */
  readonly onUnwatchable: (reason: string) => void;
}

interface Watched {
  readonly identity: string;
  readonly watcher: fs.FSWatcher;
}

/**
 * The system's reports on folders, one watch a folder. (Node's recursive watch on Linux takes one for each file besides, and blocks while it
 * sets them.)
 */
export class FolderWatches {
  private readonly reports: FolderReports;
  private readonly watched = new Map<string, Watched>();
  private secondEndsMs = 0;
  private reportsInSecond = 0;
  private failed = false;

  constructor(reports: FolderReports) {
    this.reports = reports;
  }

  /** Whether everything that happens is reported, as far as is known. */
  get isWatching(): boolean {
    return !this.failed;
  }

  /** Watches a folder, if it isn't watched yet. */
  watch({ key, path, identity }: VisitedFolder): void {
    if (this.failed || this.watched.get(key)?.identity === identity) return;
    this.unwatch(key);
    try {
      const watcher = fs.watch(path, (kind, name) => this.report(key, kind, name));
      watcher.on('error', (error) => this.fail(key, error));
      this.watched.set(key, { identity, watcher });
    } catch (thrown) {
      this.fail(key, thrown);
    }
  }

  /** Forgets folders that `isThere` denies. */
  prune(isThere: (folderKey: string) => boolean): void {
    for (const key of [...this.watched.keys()]) if (!isThere(key)) this.unwatch(key);
  }

  stop(): void {
    for (const key of [...this.watched.keys()]) this.unwatch(key);
  }

  private report(folderKey: string, kind: string, name: string | null): void {
    const nowMs = performance.now();
    if (nowMs > this.secondEndsMs) [this.secondEndsMs, this.reportsInSecond] = [nowMs + 1000, 0];
    this.reportsInSecond += 1;
    // other systems report a name and the writes behind it as one
    const reliable = process.platform === 'linux' && this.reportsInSecond < floodReports;
    this.reports.onReport(folderKey, name, reliable && kind === 'rename');
  }

  private unwatch(key: string): void {
    this.watched.get(key)?.watcher.close();
    this.watched.delete(key);
  }

  private fail(key: string, thrown: unknown): void {
    this.unwatch(key);
    // a folder that went, or may not be read: the next look at the tree says so
    if (isErrno(thrown, 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM')) return;
    const limit = isErrno(thrown, 'ENOSPC', 'EMFILE', 'ENFILE');
    const reason = limit ? "the system's limit of watched folders is reached (raise fs.inotify.max_user_watches)" : String(thrown);
    if (!this.failed) this.reports.onUnwatchable(reason);
    this.failed = true;
    this.stop();
  }
}
