import { landedKey, landedPrefix } from '../../functions/core/keys.ts';
import type { ObjectVersion, Stores } from '../../functions/core/ports.ts';
import { shortHash } from '../../functions/core/run-id.ts';
import { type Upload, uploadRun } from '../../functions/core/upload.ts';
import { listAll } from '../../functions/protocol/documents.ts';

/** A version of an object that became a run. */
export interface LandedVersion {
  readonly run: string;
  readonly object: ObjectVersion;
}

const hashOf = ({ object }: Upload): string => shortHash(object.key, 24);

/**
 * Notes, in the work root, which versions of an object became runs: the ledger knows a run by a hash, from which its object can't be told. They
 * show that a file is an earlier one grown longer.
 */
export class LandedNotes {
  private readonly stores: Stores;

  constructor(stores: Stores) {
    this.stores = stores;
  }

  async add(upload: Upload): Promise<void> {
    const run = uploadRun(upload);
    const note: LandedVersion = { run, object: upload.object };
    await this.stores.work.create(landedKey(upload.job.name, hashOf(upload), run), JSON.stringify(note));
  }

  /** The other versions of the upload's object that are noted and shorter, but not empty. */
  async shorterThan(upload: Upload): Promise<readonly LandedVersion[]> {
    const keys = await listAll(this.stores.work, landedPrefix(upload.job.name, hashOf(upload)));
    const found: LandedVersion[] = [];
    for (const key of keys) {
      const note = await this.stores.work.get(key);
      if (note === null) continue;
      const landed = JSON.parse(Buffer.from(note.body).toString('utf8')) as LandedVersion;
      const { version, size } = landed.object;
      if (version !== upload.object.version && size > 0 && size < upload.object.size) found.push(landed);
    }
    return found;
  }
}
