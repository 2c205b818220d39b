import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectVersion } from '../../functions/core/ports.ts';
import { type Home, ownScratch } from './home.ts';
import { sweepScratch } from './sweep-scratch.ts';

/**
 * Does something with a home of its own below this process's scratch folder, which is gone afterwards: a run there leaves no trace. What a killed command leaves is removed by
 * the next one.
 * @param home whose disk it is on
 * @throws FanlakeError `store.*`, and what `work` throws
 */
export async function withAnswerHome(home: Home, work: (folder: string) => Promise<void>): Promise<void> {
  sweepScratch(home);
  const own = ownScratch(home);
  try {
    await work(join(own, 'answer'));
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** A home's objects as another home's: by their paths. */
export const byPath = ({ stores: { landing } }: Home, objects: readonly ObjectVersion[]): readonly ObjectVersion[] =>
  objects.map((object) => (object.key.startsWith('/') ? object : { ...object, key: landing.locate(object.key) }));
