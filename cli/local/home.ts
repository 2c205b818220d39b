import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { storeError } from '../../functions/adapters/local-errors.ts';
import { LocalStore } from '../../functions/adapters/local-store.ts';
import { makeFolders } from '../../functions/adapters/make-folders.ts';
import { FanlakeError } from '../../functions/core/errors.ts';
import type { RequestCounts } from '../../functions/core/part.ts';
import { CountingStore, RequestCounter } from '../../functions/runtime/counting-store.ts';
import type { Place } from '../store/place.ts';

/** The folder that holds everything on a laptop: `landing/`, `work/`, `lake/` and `scratch/`. */
export interface Home extends Place {
  readonly path: string;
  readonly stack: null;
  /** Requests to the stores by this process so far. */
  readonly requests: () => RequestCounts;
  /** Where processes keep what they need for a moment; on the same file system as the lake, so that files are moved, not copied. */
  readonly scratch: string;
}

/**
 * Opens a home folder; nothing is created before it is written to.
 * The landing store's root is the home itself, so that a job's prefix `landing/visits/` is the same key on a laptop and in a bucket.
 */
export function openHome(folder: string): Home {
  const path = resolve(folder);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === false) {
    throw new FanlakeError(
      'usage',
      `--home ${folder} is a file. Name the folder that holds landing, work and lake, or one that is to be made.`,
      { home: path },
    );
  }
  const counter = new RequestCounter();
  const store = (root: string, durable: boolean) => new CountingStore(new LocalStore(root, { durable }), counter);
  return {
    name: path,
    stack: null,
    path,
    stores: {
      landing: store(path, true),
      // a lost page of the work root costs a repetition, not a row
      work: store(join(path, 'work'), false),
      lake: store(join(path, 'lake'), true),
    },
    requests: () => counter.now(),
    scratch: join(path, 'scratch'),
  };
}

/**
 * This process's own scratch folder, created.
 * @throws FanlakeError `store.*` when it can't be
 */
export function ownScratch(home: Home): string {
  const folder = join(home.scratch, String(process.pid));
  try {
    makeFolders(folder);
  } catch (thrown) {
    throw storeError(thrown, 'write', 'make a folder for this command', folder);
  }
  return folder;
}
