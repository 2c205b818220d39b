import fs from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type FileLook, lookAt } from './landing-file.ts';

export interface VisitedFolder {
  /** '' or ends in '/'. */
  readonly key: string;
  readonly path: string;
  /** Device and inode: another folder under the same name has another. */
  readonly identity: string;
}

export interface TreeVisitor {
  /** Whether the folder (its key ends in '/') can hold files that matter. */
  readonly wants: (folderKey: string) => boolean;
  /** Before a folder is read, so that a watch set here misses nothing. */
  readonly onFolder: (folder: VisitedFolder) => void;
  readonly onFile: (key: string, look: FileLook) => void;
  readonly onError: (path: string, thrown: unknown) => void;
}

/** Looks between turns of the event loop. */
const looksPerTurn = 200;

/**
 * Visits the files below a folder, in the order of their names; links to folders are followed once. Folders that can't be read are named
 * to `onError` and passed over.
 * @param folderKey '' or a key that ends in '/'
 */
export async function walkTree(home: string, folderKey: string, visitor: TreeVisitor): Promise<void> {
  let looks = 0;
  const visit = async (key: string, ancestors: ReadonlySet<string>): Promise<void> => {
    const path = join(home, key);
    const identity = identityOf(path);
    // gone, or a link that leads back
    if (identity === null || ancestors.has(identity)) return;
    visitor.onFolder({ key, path, identity });
    for (const name of namesIn(path, visitor)) {
      looks += 1;
      if (looks % looksPerTurn === 0) await nextTurn();
      const found = lookAt(join(path, name));
      if (found === 'folder') {
        if (visitor.wants(`${key}${name}/`)) await visit(`${key}${name}/`, new Set([...ancestors, identity]));
      } else if (found !== null) visitor.onFile(`${key}${name}`, found);
    }
  };
  await visit(folderKey, new Set());
}

function identityOf(folder: string): string | null {
  try {
    const stat = fs.statSync(folder, { bigint: true });
    return `${stat.dev}-${stat.ino}`;
  } catch {
    return null;
  }
}

function namesIn(path: string, visitor: TreeVisitor): readonly string[] {
  try {
    return fs.readdirSync(path).sort();
  } catch (thrown) {
    visitor.onError(path, thrown);
    return [];
  }
}
