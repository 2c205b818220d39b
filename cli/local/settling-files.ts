import type { FileLook } from './landing-file.ts';

/** A file that stood still for so long is complete. */
const stillMs = 300;
/** How long a file that seems to have come by a rename may still show that it is being written. */
const promptMs = 20;
const tickMs = 20;
/** What a kernel's page holds: a write that is under way shows whole pages of what it has written. */
const pageBytes = 4096;

interface Settling {
  look: FileLook;
  sinceMs: number;
  /** Since the last look the file or its name changed. */
  touched: boolean;
  /** How long it must stand still. */
  waitMs: number;
}

export interface SettlingOptions {
  /** Looks at the file of a key; null when there is none. */
  readonly look: (key: string) => FileLook | null;
  readonly onSettled: (key: string, look: FileLook) => void;
}

/**
 * Files that have been seen and may still be being written. One is settled when two looks, 300 ms apart, see the same. One that was renamed or
 * linked into place is settled at once, which is known by this:
 * a program that writes a file under its final name makes the system report the name, then each write. So a name that was reported, has
 * bytes, and has no write reported behind it came with its bytes, unless its very first write is still under way. That write would show whole pages, and a
 * time of change equal to that of the last write; a file that shows neither has no write under way.
 */
export class SettlingFiles {
  private readonly options: SettlingOptions;
  private readonly files = new Map<string, Settling>();
  private timer: NodeJS.Timeout | null = null;

  constructor(options: SettlingOptions) {
    this.options = options;
  }

  get size(): number {
    return this.files.size;
  }

  has(key: string): boolean {
    return this.files.has(key);
  }

  /**
   * A file was seen.
   * @param named whether the system has just reported its name: it may have been renamed into place
   */
  see(key: string, look: FileLook, named: boolean): void {
    const known = this.files.get(key);
    if (known !== undefined && !named) {
      known.touched = true;
      return;
    }
    this.files.set(key, { look, sinceMs: performance.now(), touched: false, waitMs: named ? promptWaitMs(look) : stillMs });
    this.schedule();
    // what was reported before this look is handled by then
    if (named && look.wasRenamed && look.size > 0) setImmediate(() => this.check(key, performance.now()));
  }

  /** A write to it, or a change of its permissions, was reported. */
  touch(key: string): void {
    const known = this.files.get(key);
    if (known === undefined) return;
    known.touched = true;
    known.waitMs = stillMs;
  }

  forget(key: string): void {
    this.files.delete(key);
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.files.clear();
  }

  private schedule(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      const nowMs = performance.now();
      for (const key of [...this.files.keys()]) this.check(key, nowMs);
      if (this.files.size > 0) this.schedule();
    }, tickMs);
  }

  private check(key: string, nowMs: number): void {
    const known = this.files.get(key);
    if (known === undefined) return;
    const isDue = nowMs - known.sinceMs >= known.waitMs;
    if (!known.touched && !isDue) return;
    const look = this.options.look(key);
    if (look === null) this.files.delete(key);
    else if (look.identity !== known.look.identity) this.files.set(key, { look, sinceMs: nowMs, touched: false, waitMs: stillMs });
    else if (isDue) {
      this.files.delete(key);
      this.options.onSettled(key, look);
    } else known.touched = false;
  }
}

function promptWaitMs({ size, wasRenamed }: FileLook): number {
  if (size === 0) return stillMs;
  if (wasRenamed) return 0;
  return size % pageBytes === 0 ? stillMs : promptMs;
}
