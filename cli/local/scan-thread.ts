import { once } from 'node:events';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ProjectedStretch } from '../../functions/formats/project-stretch.ts';
import type { ProjectAside } from '../../functions/formats/stage-halves.ts';

/** What the thread runs; with the same ending as this module, since a packed Fanlake is JavaScript. */
const threadModule = join(import.meta.dirname, `scan-main${extname(import.meta.filename)}`);

/** Scans in a thread that is started for the first object and stays; after one that died comes another. One stretch at a time. */
export function scanThread(): ProjectAside {
  let waiting: Worker | null = null;
  return async (stretch) => {
    const thread = waiting ?? new Worker(threadModule);
    waiting = null;
    thread.ref();
    const over = new AbortController();
    const { signal } = over;
    try {
      const died = once(thread, 'exit', { signal }).then(() => null);
      const answered = once(thread, 'message', { signal }).then(([projected]) => ({ projected: projected as ProjectedStretch | null }));
      thread.postMessage(stretch);
      const answer = await Promise.race([answered, died]);
      if (answer === null) return null;
      waiting = thread;
      return answer.projected;
    } catch {
      // what it threw shows again when the object is scanned as a whole
      return null;
    } finally {
      over.abort();
      // it must not keep its process
      thread.unref();
    }
  };
}
