import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { storeError } from '../../functions/adapters/local-errors.ts';
import { whyIgnored } from '../../functions/core/job-of-key.ts';
import { FolderWatches } from './folder-watches.ts';
import { type FileLook, lookAt } from './landing-file.ts';
import { type TreeVisitor, walkTree } from './landing-tree.ts';
import { SettlingFiles } from './settling-files.ts';

/** A complete file under a job's prefix. */
export interface LandedFile {
  readonly key: string;
  readonly look: FileLook;
}

export interface LandingWatchOptions {
  readonly home: string;
  /** The beginnings of the keys that matter. */
  readonly prefixes: readonly string[];
  /** Whether a file of this key may matter. */
  readonly wants: (key: string) => boolean;
  /** Called once for each file, and again when it has changed. */
  readonly onLanded: (file: LandedFile) => void;
  readonly onNotice: (message: string) => void;
}

/** Between two looks at everything: what the system doesn't report (a network file system, an overflow) is found by them. */
const lookAgainMs = 10_000;
/** The same where nothing is reported at all. */
const pollMs = 500;
/** A look takes at most this share of the time. */
const shareOfTime = 0.05;

/** Finds the files that land under the prefixes of jobs: by the system's reports, and by looking at all of them now and then. */
export class LandingWatch {
  private readonly options: LandingWatchOptions;
  private readonly watches: FolderWatches;
  private readonly settling: SettlingFiles;
  /** Files that were handed over, as they were then. */
  private readonly known = new Map<string, string>();
  private readonly complaints = new Map<string, string>();
  private timer: NodeJS.Timeout | null = null;
  private stopped = false;

  constructor(options: LandingWatchOptions) {
    this.options = options;
    this.settling = new SettlingFiles({
      look: (key) => this.lookAtFile(key),
      onSettled: (key, look) => {
        this.known.set(key, look.identity);
        options.onLanded({ key, look });
      },
    });
    this.watches = new FolderWatches({
      onReport: (folderKey, name, named) => this.report(folderKey, name, named),
      onUnwatchable: (reason) => options.onNotice(`Folders can't be watched: ${reason}. Looking at them every ${pollMs / 1000} s instead.`),
    });
  }

  /**
   * Creates the prefixes' folders, begins to watch them and looks at everything once.
   * @throws FanlakeError when a folder can't be created
   */
  async start(): Promise<void> {
    for (const folder of this.folders()) this.makeFolder(folder);
    await this.lookAtAll();
  }

  stop(): void {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.watches.stop();
    this.settling.stop();
  }

  /** Whether the file is still as it was handed over; if not, it comes again once it stands still. */
  isStill({ key, look }: LandedFile): boolean {
    const now = this.lookAtFile(key);
    if (now?.identity === look.identity) return true;
    this.forget(key);
    if (now !== null) this.settling.see(key, now, false);
    return false;
  }

  /** Hands the file over again when it is next found. */
  forget(key: string): void {
    this.known.delete(key);
  }

  /** The folders to look into: each prefix up to its last slash, none inside another. */
  private folders(): readonly string[] {
    const all = [...new Set(this.options.prefixes.map((prefix) => prefix.slice(0, prefix.lastIndexOf('/') + 1)))];
    return all.filter((folder) => !all.some((other) => other !== folder && folder.startsWith(other)));
  }

  private makeFolder(folder: string): void {
    const path = join(this.options.home, folder);
    try {
      mkdirSync(path, { recursive: true });
    } catch (thrown) {
      throw storeError(thrown, 'write', 'create the landing folder', path);
    }
  }

  private async lookAtAll(): Promise<void> {
    const startedMs = performance.now();
    const seen = new Set<string>();
    const folders = new Set<string>();
    const visitor = this.visitor(seen, folders);
    for (const folder of this.folders()) await walkTree(this.options.home, folder, visitor);
    if (this.stopped) return;
    for (const key of [...this.known.keys()]) if (!seen.has(key) && this.lookAtFile(key) === null) this.known.delete(key);
    this.watches.prune((key) => folders.has(key) || lookAt(join(this.options.home, key)) === 'folder');
    const pauseMs = Math.max(this.watches.isWatching ? lookAgainMs : pollMs, (performance.now() - startedMs) / shareOfTime);
    this.timer = setTimeout(() => void this.lookAgain(), pauseMs);
  }

  private async lookAgain(): Promise<void> {
    try {
      // one that was deleted comes back: people empty a landing folder by deleting it
      for (const folder of this.folders()) this.makeFolder(folder);
      await this.lookAtAll();
    } catch (thrown) {
      this.complain('', String(thrown));
      if (!this.stopped) this.timer = setTimeout(() => void this.lookAgain(), lookAgainMs);
    }
  }

  private visitor(seen: Set<string>, folders: Set<string>): TreeVisitor {
    return {
      wants: (folderKey) => !this.stopped && this.wantsFolder(folderKey),
      onFolder: (folder) => {
        folders.add(folder.key);
        if (!this.stopped) this.watches.watch(folder);
      },
      onFile: (key, look) => {
        seen.add(key);
        this.see(key, look, false);
      },
      onError: (path, thrown) => this.complain(path, `${path} can't be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`),
    };
  }

  private report(folderKey: string, name: string | null, named: boolean): void {
    const key = `${folderKey}${name ?? ''}`;
    const look = name === null ? 'folder' : lookAt(join(this.options.home, key));
    if (look === 'folder') {
      const inside = name === null ? folderKey : `${key}/`;
      if (this.wantsFolder(inside)) void walkTree(this.options.home, inside, this.visitor(new Set(), new Set()));
    } else if (look === null) {
      this.known.delete(key);
      this.settling.forget(key);
    } else {
      if (!named) this.settling.touch(key);
      this.see(key, look, named);
    }
  }

  private see(key: string, look: FileLook, named: boolean): void {
    if (this.stopped || this.known.get(key) === look.identity || !this.isUnder(key)) return;
    if (key.includes('\ufffd')) this.complain(key, `${key} is passed over: its name isn't valid UTF-8. Rename it.`);
    else if (this.options.wants(key)) this.settling.see(key, look, named);
  }

  private isUnder(key: string): boolean {
    return this.options.prefixes.some((prefix) => key.startsWith(prefix));
  }

  private wantsFolder(folderKey: string): boolean {
    const may = this.options.prefixes.some((prefix) => folderKey.startsWith(prefix) || prefix.startsWith(folderKey));
    return may && whyIgnored(`${folderKey}x`) === null;
  }

  private lookAtFile(key: string): FileLook | null {
    const look = lookAt(join(this.options.home, key));
    return look === 'folder' ? null : look;
  }

  /** Says something once. */
  private complain(about: string, message: string): void {
    if (this.complaints.get(about) === message) return;
    this.complaints.set(about, message);
    this.options.onNotice(message);
  }
}
