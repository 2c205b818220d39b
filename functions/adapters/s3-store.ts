import fs from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { eachInParallel } from '../core/in-parallel.ts';
import { s3Version, versionIdOf } from '../core/object-version.ts';
import type {
  ByteRange,
  KeyPage,
  ListOptions,
  Nonces,
  ObjectBody,
  ObjectPage,
  ObjectStore,
  ObjectVersion,
  StagedFile,
  StoredObject,
} from '../core/ports.ts';
import { inputRequestBytes } from '../core/stage-requests.ts';
import { storeError } from './local-errors.ts';
import { changedOrGone, type Doing, isConcurrent, isMissing, isOutOfRange, isRefused, s3Error } from './s3-errors.ts';
import { listCurrent, listVersioned } from './s3-listing.ts';
import { type UploadTarget, upload } from './s3-upload.ts';

const parallelRanges = 4;
/** Tries of a conditional write while S3 answers that another one is under way. */
const maxConflicts = 20;
const conflictPauseMs = 50;

export interface S3StoreOptions {
  readonly client: S3Client;
  readonly bucket: string;
  readonly nonces: Nonces;
  /**
   * Whether the bucket gives versions, so that a listing names them as `head` does; it is then a listing of all versions, longer where objects were
   * overwritten. Where nobody lists for versions it may be left away.
   */
  readonly versioned?: boolean;
}

/**
 * A bucket as an object store. The version of an object is its version id where the bucket gives one, else its etag. Conditional writes carry a nonce, so that
 * a 412 that only echoes our own request, which the SDK sent twice, is recognised (protocol.md, What we stand on).
 */
export class S3Store implements ObjectStore {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #nonces: Nonces;
  readonly #versioned: boolean;

  constructor({ client, bucket, nonces, versioned = false }: S3StoreOptions) {
    this.#client = client;
    this.#bucket = bucket;
    this.#nonces = nonces;
    this.#versioned = versioned;
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | null> {
    return this.#attempt('read', `read "${key}"`, key, async () => {
      if (range !== undefined && range.end <= range.start) return this.#nothingOf(key);
      try {
        const found = await this.#client.send(new GetObjectCommand({ ...this.#place(key), ...rangeHeader(range) }));
        return { ...describe(key, found, sizeOf(found)), body: await bytesOf(found) };
      } catch (thrown) {
        if (isMissing(thrown)) return null;
        if (isOutOfRange(thrown)) return this.#nothingOf(key);
        throw thrown;
      }
    });
  }

  async read(object: ObjectVersion, range: ByteRange): Promise<Uint8Array> {
    const wanted = clamp(range, object.size);
    return this.#attempt('input', `read "${object.key}"`, object.key, async () => {
      try {
        if (wanted.end <= wanted.start) {
          await this.#client.send(new HeadObjectCommand(this.#pinned(object)));
          return new Uint8Array(0);
        }
        return await bytesOf(await this.#client.send(new GetObjectCommand({ ...this.#pinned(object), ...rangeHeader(wanted) })));
      } catch (thrown) {
        throw changedOrGone(object, thrown, this.locate(object.key));
      }
    });
  }

  async stage(object: ObjectVersion, range: ByteRange, scratch: string): Promise<StagedFile> {
    const { start, end } = clamp(range, object.size);
    const path = join(scratch, `staged-${this.#nonces.next()}`);
    const file = await open(path, 'w');
    try {
      await this.#download(object, { start, end }, file, 0);
    } catch (thrown) {
      fs.rmSync(path, { force: true });
      throw thrown;
    } finally {
      await file.close();
    }
    return this.#staged(object, { start, end }, path);
  }

  /** @param held the part of the object that the file holds */
  #staged(object: ObjectVersion, held: ByteRange, path: string): StagedFile {
    return {
      path,
      origin: held.start,
      length: held.end - held.start,
      extend: (range) => this.#extend(object, held, range, path),
      // each request was for the pinned version: nothing can have changed in between
      release: async () => fs.rmSync(path, { force: true }),
    };
  }

  async #extend(object: ObjectVersion, held: ByteRange, range: ByteRange, path: string): Promise<StagedFile> {
    const wanted = clamp({ start: Math.min(held.start, range.start), end: Math.max(held.end, range.end) }, object.size);
    // bytes in front move all others
    const isLonger = wanted.start === held.start;
    const file = await open(path, isLonger ? 'r+' : 'w');
    try {
      await this.#download(object, isLonger ? { start: held.end, end: wanted.end } : wanted, file, isLonger ? held.end - held.start : 0);
    } finally {
      await file.close();
    }
    return this.#staged(object, wanted, path);
  }

  /** Writes a range of an object to a place of a file. One of no bytes is asked for all the same: the object may be gone. */
  async #download(object: ObjectVersion, { start, end }: ByteRange, file: FileHandle, position: number): Promise<void> {
    const count = Math.max(1, Math.round((end - start) / inputRequestBytes));
    const edge = (index: number): number => start + Math.ceil(((end - start) * index) / count);
    const ranges = Array.from({ length: count }, (_, index) => ({ start: edge(index), end: edge(index + 1) }));
    await eachInParallel(ranges, parallelRanges, async (range) => {
      const bytes = await this.read(object, range);
      try {
        await writeAll(file, bytes, position + range.start - start);
      } catch (thrown) {
        throw storeError(thrown, 'write', `bring "${object.key}" to this disk`, this.locate(object.key));
      }
    });
  }

  async head(key: string): Promise<ObjectVersion | null> {
    return this.#attempt('read', `look at "${key}"`, key, async () => (await this.#look(key))?.object ?? null);
  }

  async put(key: string, body: ObjectBody): Promise<ObjectVersion> {
    return this.#attempt('write', `store "${key}"`, key, async () => {
      const stored = await upload(this.#target(key, this.#nonces.next(), {}), body);
      return describe(key, { ETag: stored.etag, VersionId: stored.versionId }, stored.size);
    });
  }

  async create(key: string, body: ObjectBody): Promise<ObjectVersion | null> {
    return this.#attempt('write', `create "${key}"`, key, () => this.#conditional(key, body, { IfNoneMatch: '*' }));
  }

  async replace(key: string, version: string, body: ObjectBody): Promise<ObjectVersion | null> {
    return this.#attempt('write', `replace "${key}"`, key, async () => {
      if (versionIdOf(version) === null) return this.#conditional(key, body, { IfMatch: version });
      // S3 compares etags only: the one that belongs to the version that is to be replaced
      const found = await this.#look(key);
      return found?.object.version === version ? this.#conditional(key, body, { IfMatch: found.etag }) : null;
    });
  }

  async list(options: ListOptions): Promise<ObjectPage> {
    return this.#attempt('read', `list "${options.prefix}"`, options.prefix, () =>
      this.#versioned ? listVersioned(this.#client, this.#bucket, options) : listCurrent(this.#client, this.#bucket, options),
    );
  }

  async listKeys(options: ListOptions): Promise<KeyPage> {
    return this.#attempt('read', `list "${options.prefix}"`, options.prefix, async () => {
      const { objects, ...page } = await listCurrent(this.#client, this.#bucket, options);
      return { ...page, keys: objects.map(({ key }) => key) };
    });
  }

  async copy(from: string, to: string): Promise<boolean> {
    return this.#attempt('write', `copy "${from}"`, to, async () => {
      try {
        const source = `${this.#bucket}/${from.split('/').map(encodeURIComponent).join('/')}`;
        await this.#client.send(new CopyObjectCommand({ ...this.#place(to), CopySource: source }));
        return true;
      } catch (thrown) {
        if (isMissing(thrown)) return false;
        throw thrown;
      }
    });
  }

  async delete(key: string): Promise<void> {
    await this.#attempt('write', `delete "${key}"`, key, () => this.#client.send(new DeleteObjectCommand(this.#place(key))));
  }

  locate(key: string): string {
    return `s3://${this.#bucket}/${key}`;
  }

  /** A write under a condition; null when it doesn't hold and the object isn't our own. */
  async #conditional(key: string, body: ObjectBody, condition: UploadTarget['condition']): Promise<ObjectVersion | null> {
    const nonce = this.#nonces.next();
    for (let conflicts = 0; ; conflicts++) {
      try {
        const stored = await upload(this.#target(key, nonce, condition), body);
        return describe(key, { ETag: stored.etag, VersionId: stored.versionId }, stored.size);
      } catch (thrown) {
        if (isRefused(thrown) || isMissing(thrown)) return this.#own(key, nonce);
        if (!isConcurrent(thrown) || conflicts >= maxConflicts) throw thrown;
        await sleep(conflictPauseMs * Math.random() * (conflicts + 1));
      }
    }
  }

  /** The object when it is what we wrote ourselves: the answer to that was lost, and the SDK wrote again. */
  async #own(key: string, nonce: string): Promise<ObjectVersion | null> {
    const found = await this.#look(key);
    return found?.nonce === nonce ? found.object : null;
  }

  async #look(key: string): Promise<{ readonly object: ObjectVersion; readonly etag: string; readonly nonce: string | undefined } | null> {
    try {
      const found = await this.#client.send(new HeadObjectCommand(this.#place(key)));
      return { object: describe(key, found, found.ContentLength ?? 0), etag: found.ETag ?? '', nonce: found.Metadata?.['nonce'] };
    } catch (thrown) {
      if (isMissing(thrown)) return null;
      throw thrown;
    }
  }

  async #nothingOf(key: string): Promise<StoredObject | null> {
    const found = await this.#look(key);
    return found === null ? null : { ...found.object, body: new Uint8Array(0) };
  }

  #target(key: string, nonce: string, condition: UploadTarget['condition']): UploadTarget {
    return { client: this.#client, bucket: this.#bucket, key, nonce, condition };
  }

  #place(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: key };
  }

  #pinned({ key, version }: ObjectVersion) {
    const id = versionIdOf(version);
    return { ...this.#place(key), ...(id === null ? { IfMatch: version } : { VersionId: id }) };
  }

  async #attempt<T>(doing: Doing, attempt: string, key: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (thrown) {
      throw s3Error(thrown, doing, attempt, this.locate(key));
    }
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

interface Found {
  readonly ETag?: string | undefined;
  readonly VersionId?: string | undefined;
}

function describe(key: string, { ETag: etag = '', VersionId: id }: Found, size: number): ObjectVersion {
  return { key, version: s3Version(id, etag), size };
}

function rangeHeader(range: ByteRange | undefined): { readonly Range?: string } {
  return range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` };
}

/** The size of the whole object: of a range's answer it stands in Content-Range (RFC 9110, section 14.4). */
function sizeOf({ ContentRange: range, ContentLength: length }: GetObjectCommandOutput): number {
  return range === undefined ? (length ?? 0) : Number(range.slice(range.lastIndexOf('/') + 1));
}

async function bytesOf({ Body: body }: GetObjectCommandOutput): Promise<Uint8Array> {
  return body === undefined ? new Uint8Array(0) : body.transformToByteArray();
}

function clamp({ start, end }: ByteRange, size: number): ByteRange {
  const from = Math.min(Math.max(start, 0), size);
  return { start: from, end: Math.max(from, Math.min(end, size)) };
}
