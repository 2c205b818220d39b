import fs from 'node:fs';

/** What one look at a file in a landing folder tells. */
export interface FileLook {
  readonly size: number;
  /** Equal for two looks: nothing was written between them, and no name or permission changed. */
  readonly identity: string;
  /** When something last changed about it, in milliseconds since 1970 UTC by the file system's clock. */
  readonly changedMs: number;
  /** Whether its name or permissions changed later than its bytes. Never so while a write to it is under way. */
  readonly wasRenamed: boolean;
}

/** A file's state, `folder` for a folder, or null when there is neither. */
export function lookAt(path: string): FileLook | 'folder' | null {
  try {
    const stat = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return null;
    if (stat.isDirectory()) return 'folder';
    if (!stat.isFile()) return null;
    return {
      size: Number(stat.size),
      identity: `${stat.dev}-${stat.ino}-${stat.size}-${stat.mtimeNs}-${stat.ctimeNs}`,
      changedMs: Number(stat.ctimeMs),
      wasRenamed: stat.mtimeNs < stat.ctimeNs,
    };
  } catch {
    // gone with its folder, a link to itself, in a folder that may not be entered: it is looked for again
    return null;
  }
}
