import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, type TestContext } from 'vitest';
import { LocalStore } from '../../functions/adapters/local-store.ts';
import type { ListOptions } from '../../functions/core/ports.ts';
import { expectedListing, inKeyOrder, listAll, nastyKeys } from './key-order.ts';
import { temporaryFolders } from './temporary-folder.ts';

const makeFolder = temporaryFolders();
const makeStore = (root = makeFolder()) => new LocalStore(root, { durable: false });
const isRoot = process.geteuid?.() === 0;
const nobody = 65_534;

/** Skips a test, and says so on the terminal. */
function skip(context: TestContext, reason: string): never {
  console.warn(`skipped: ${context.task.name}: ${reason}`);
  return context.skip(reason);
}

/** Does something as a user who isn't root, whom permissions don't bind. */
async function asUser<T>(action: () => Promise<T>): Promise<T> {
  if (!isRoot) return action();
  process.seteuid?.(nobody);
  try {
    return await action();
  } finally {
    process.seteuid?.(0);
  }
}

/** A small file system of its own, or null where none can be mounted. */
function mount(options: string): { readonly folder: string; remount(options: string): void; unmount(): void } | null {
  const folder = makeFolder();
  const run = (...args: readonly string[]) => spawnSync(args[0] ?? '', args.slice(1)).status === 0;
  if (!isRoot || !run('mount', '-t', 'tmpfs', '-o', options, 'none', folder)) return null;
  return {
    folder,
    remount: (changed) => expect(run('mount', '-o', `remount,${changed}`, folder)).toBe(true),
    unmount: () => expect(run('umount', folder)).toBe(true),
  };
}

describe('keys of a local store', () => {
  it.each(['../x', 'a/../../x', 'a/./b', 'a//b', 'a/', '', '/', '/..', 'a\0b', 'half \uD800', '.tmp-0123456789ab', 'a/.fanlake-lock'])(
    'refuses the key %j, whatever one wants with it',
    async (key) => {
      const store = makeStore();
      for (const attempt of [
        () => store.get(key),
        () => store.head(key),
        () => store.put(key, 'x'),
        () => store.create(key, 'x'),
        () => store.delete(key),
      ]) {
        await expect(attempt()).rejects.toMatchObject({ code: 'usage' });
      }
    },
  );

  it.each(['../', 'a/../b', 'a//b', '\0', './'])('refuses to list the prefix %j', async (prefix) => {
    await expect(makeStore().list({ prefix })).rejects.toMatchObject({ code: 'usage' });
  });

  it('refuses names that a disk can not hold, and says how long they may be', async () => {
    const store = makeStore();
    await store.put(`a/${'x'.repeat(255)}`, 'x');
    await expect(store.put(`a/${'x'.repeat(256)}`, 'x')).rejects.toMatchObject({ code: 'store.name', message: /255/ });
    await expect(store.put(`a/${'é'.repeat(128)}`, 'x')).rejects.toMatchObject({ code: 'store.name' });
    await expect(store.put(`${'folder/'.repeat(700)}x`, 'x')).rejects.toMatchObject({ code: 'store.name' });
  });

  it('refuses a name that is a folder, or leads through a file, instead of taking it for an existing object', async () => {
    const store = makeStore();
    await store.put('a/b', 'x');
    for (const key of ['a', 'a/b/c']) {
      await expect(store.create(key, 'x')).rejects.toMatchObject({ code: 'store.name' });
      await expect(store.put(key, 'x')).rejects.toMatchObject({ code: 'store.name' });
      await store.delete(key);
    }
    expect(await store.head('a/b')).not.toBeNull();
  });

  it('takes a key that begins with a slash for a file anywhere on the machine', async () => {
    const store = makeStore();
    const elsewhere = path.join(makeFolder(), 'x y/z');
    const put = await store.put(elsewhere, 'content');
    expect(fs.readFileSync(elsewhere, 'utf8')).toBe('content');
    expect(await store.head(elsewhere)).toEqual(put);
    expect((await store.list({ prefix: `${path.dirname(elsewhere)}/` })).objects).toMatchObject([put]);
    expect((await store.list({ prefix: path.dirname(path.dirname(elsewhere)) })).objects).toMatchObject([put]);
    expect(store.locate(elsewhere)).toBe(elsewhere);
    expect((await store.list({ prefix: '' })).objects).toEqual([]);
  });
});

describe('what a local store leaves on the disk', () => {
  const filesBelow = (folder: string) =>
    fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => fs.statSync(path.join(folder, name)).isFile());

  it('is the objects and nothing else, but for one lock', async () => {
    const root = makeFolder();
    const store = new LocalStore(root);
    const { version } = await store.put('a/b', '1');
    await store.replace('a/b', version, '2');
    await store.replace('a/b', version, '3');
    await store.create('a/b', '4');
    await store.put('c', '5');
    await store.put('c', '6');
    await store.copy('c', 'd');
    await store.delete('c');
    expect(filesBelow(root).sort()).toEqual(['.fanlake-lock', 'a/b', 'd']);
    expect((await store.list({ prefix: '' })).objects.map((object) => object.key)).toEqual(['a/b', 'd']);
  });

  it('takes a local file over instead of copying it, also through a link, and never the object itself', async () => {
    const root = makeFolder();
    const store = makeStore(path.join(root, 'store'));
    const body = path.join(root, 'body');
    fs.writeFileSync(body, 'content');
    const inode = fs.statSync(body).ino;
    await store.create('k', { path: body });
    expect(fs.statSync(store.locate('k')).ino).toBe(inode);
    expect(fs.existsSync(body)).toBe(false);
    fs.writeFileSync(body, 'linked');
    fs.symlinkSync(body, path.join(root, 'link'));
    await store.put('k', { path: path.join(root, 'link') });
    expect(fs.lstatSync(store.locate('k')).isFile()).toBe(true);
    expect(fs.readFileSync(store.locate('k'), 'utf8')).toBe('linked');
    await store.put('k', { path: store.locate('k') });
    expect(fs.readFileSync(store.locate('k'), 'utf8')).toBe('linked');
  });

  it('sweeps what killed writers left, if it is old enough, and no object', async () => {
    const root = makeFolder();
    const store = makeStore(root);
    await store.put('a/b', 'x');
    for (const name of ['.tmp-000000000000', 'a/.tmp-111111111111']) fs.writeFileSync(path.join(root, name), 'half');
    const longAgo = new Date(Date.now() - 100_000);
    fs.utimesSync(path.join(root, 'a/.tmp-111111111111'), longAgo, longAgo);
    fs.utimesSync(path.join(root, 'a/b'), longAgo, longAgo);
    expect(await store.sweepTemporaries(50_000)).toBe(1);
    expect(filesBelow(root).sort()).toEqual(['.tmp-000000000000', 'a/b']);
    expect(await new LocalStore(path.join(root, 'none')).sweepTemporaries(0)).toBe(0);
  });
});

describe('versions of a local store', () => {
  it('never repeat while an object is overwritten with the same size again and again', async () => {
    const store = makeStore();
    const versions = new Set<string>();
    for (let round = 0; round < 500; round += 1) versions.add((await store.put('k', String(round % 10))).version);
    expect(versions.size).toBe(500);
  });

  it('are of a later time than those they replace, also when the clock was set back', async () => {
    const store = makeStore();
    await store.put('k', 'old');
    const inAnHour = new Date(Date.now() + 3_600_000);
    fs.utimesSync(store.locate('k'), inAnHour, inAnHour);
    const old = fs.statSync(store.locate('k'), { bigint: true }).mtimeNs;
    const found = await store.head('k');
    const replaced = await store.replace('k', found?.version ?? '', 'new');
    expect(replaced).not.toBeNull();
    expect(replaced).toEqual(await store.head('k'));
    expect(fs.statSync(store.locate('k'), { bigint: true }).mtimeNs).toBeGreaterThan(old);
  });

  it('change when another program writes to the file, and staging notices it', async () => {
    const store = makeStore();
    const object = await store.put('k', 'content');
    const staged = await store.stage(object, { start: 0, end: 7 }, 'unused');
    expect(staged).toMatchObject({ path: fs.realpathSync(store.locate('k')), origin: 0, length: 7 });
    await staged.release();
    fs.appendFileSync(store.locate('k'), '!');
    await expect(staged.release()).rejects.toMatchObject({ code: 'input.changed' });
    fs.rmSync(store.locate('k'));
    await expect(staged.release()).rejects.toMatchObject({ code: 'input.gone' });
  });
});

describe('listings of a local folder', () => {
  const segment = fc.constantFrom('a', 'b', 'a.b', 'a b', 'a-', 'a0', '!', '~', 'é', '\u{1F600}', '\uFFFD', '\uE000', 'B');
  const key = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join('/'));
  const storable = (keys: readonly string[]) => keys.filter((one) => !keys.some((other) => other.startsWith(`${one}/`)));

  it('are those of the definition for any keys, prefix, beginning, delimiter and page size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(key, { maxLength: 25 }).map(storable),
        fc.record({
          prefix: fc.oneof(
            fc.constant(''),
            key,
            key.map((one) => `${one}/`),
          ),
          limit: fc.integer({ min: 1, max: 9 }),
        }),
        fc.option(fc.oneof(key, fc.string({ unit: 'grapheme', maxLength: 3 }))),
        fc.boolean(),
        fc.boolean(),
        async (keys, given, startAfter, folding, forgetful) => {
          const root = makeFolder();
          const store = makeStore(root);
          for (const one of keys) await store.put(one, 'x');
          const options: ListOptions = {
            ...given,
            ...(startAfter === null ? {} : { startAfter }),
            ...(folding ? { delimiter: '/' } : {}),
          };
          // a listing goes on in a process that didn't begin it as in the one that did
          const lister = forgetful ? Object.assign(makeStore(root), { list: (o: ListOptions) => makeStore(root).list(o) }) : store;
          const { keys: found, prefixes } = await listAll(lister, options);
          expect({ keys: found, prefixes }).toEqual(expectedListing(keys, options));
          fs.rmSync(root, { recursive: true });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('read files through links, and end when links lead in a circle', async () => {
    const root = makeFolder();
    const store = makeStore(root);
    await store.put('real/file', 'x');
    fs.symlinkSync('real', path.join(root, 'folder'));
    fs.symlinkSync('real/file', path.join(root, 'linked'));
    fs.symlinkSync('..', path.join(root, 'real/up'));
    fs.symlinkSync('self', path.join(root, 'self'));
    fs.symlinkSync('nowhere', path.join(root, 'dangling'));
    const { keys } = await listAll(store, { prefix: '' });
    expect(keys).toEqual(['folder/file', 'linked', 'real/file']);
    expect(Buffer.from((await store.get('folder/file'))?.body ?? '').toString()).toBe('x');
    expect(await store.get('self')).toBeNull();
  });

  it('do not hang on what is no file', async () => {
    const root = makeFolder();
    const store = makeStore(root);
    expect(spawnSync('mkfifo', [path.join(root, 'pipe')]).status).toBe(0);
    expect((await store.list({ prefix: '' })).objects).toEqual([]);
    expect(await store.get('pipe')).toBeNull();
  });

  it('name a file whose name is not UTF-8 instead of passing over it', async () => {
    const root = makeFolder();
    fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/caf`), Buffer.of(0xe9)]), 'x');
    await expect(makeStore(root).list({ prefix: '' })).rejects.toMatchObject({ code: 'store.name', message: /caf/ });
  });

  it('open no folder that can not match, and none that lies before the beginning', async () => {
    const root = makeFolder();
    const store = makeStore(root);
    fs.chmodSync(root, 0o755);
    for (const one of ['closed/x', 'open/x', 'open/y']) await store.put(one, 'x');
    fs.chmodSync(path.join(root, 'closed'), 0);
    await asUser(async () => {
      await expect(store.list({ prefix: '' })).rejects.toMatchObject({ code: 'input.denied', message: /closed/ });
      expect((await store.list({ prefix: 'op' })).objects).toHaveLength(2);
      expect((await store.list({ prefix: '', startAfter: 'open/x' })).objects).toHaveLength(1);
    });
    fs.chmodSync(path.join(root, 'closed'), 0o755);
  });

  it('stay in order while others write', async () => {
    const store = makeStore();
    const keys = nastyKeys().slice(0, 300);
    for (const one of keys.slice(0, 150)) await store.put(one, 'x');
    const before = new Set(keys.slice(0, 150));
    const writing = Promise.all(keys.slice(150).map((one) => store.put(one, 'x')));
    for (let round = 0; round < 5; round += 1) {
      const found = (await listAll(store, { prefix: '', limit: 20 })).keys;
      expect(found).toEqual(inKeyOrder(found));
      expect(found.filter((one) => before.has(one))).toHaveLength(150);
    }
    await writing;
  });
});

describe('a disk that does not take it', () => {
  it('that is full is an error that says how to go on, and everything stored before stays', async (context) => {
    const small = mount('size=1m');
    if (small === null) return skip(context, 'needs to be root to mount a small file system');
    try {
      const store = new LocalStore(path.join(small.folder, 'store'));
      const kept = await store.put('kept', 'x'.repeat(300_000));
      for (const attempt of [
        () => store.create('new', 'y'.repeat(900_000)),
        () => store.put('kept', 'y'.repeat(900_000)),
        () => store.replace('kept', kept.version, 'y'.repeat(900_000)),
      ]) {
        await expect(attempt()).rejects.toMatchObject({ code: 'store.full', message: /free space and run the same command again/ });
      }
      expect(await store.head('kept')).toEqual(kept);
      expect(await store.create('new', 'fits')).not.toBeNull();
      expect((await store.list({ prefix: '' })).objects.map((object) => object.key)).toEqual(['kept', 'new']);
      expect(fs.readdirSync(path.join(small.folder, 'store')).filter((name) => name.startsWith('.tmp-'))).toEqual([]);
    } finally {
      small.unmount();
    }
  });

  it('takes a file of another file system over by copying it', async (context) => {
    const other = mount('size=1m');
    if (other === null) return skip(context, 'needs to be root to mount a file system');
    try {
      const store = makeStore();
      const body = path.join(other.folder, 'body');
      fs.writeFileSync(body, 'from elsewhere');
      expect(await store.create('k', { path: body })).toMatchObject({ size: 14 });
      expect(fs.readFileSync(store.locate('k'), 'utf8')).toBe('from elsewhere');
    } finally {
      other.unmount();
    }
  });

  it('that is mounted for reading only is denied, and can be read', async (context) => {
    const disk = mount('size=1m');
    if (disk === null) return skip(context, 'needs to be root to mount a file system');
    try {
      const store = makeStore(disk.folder);
      const { version } = await store.put('k', 'x');
      disk.remount('ro');
      for (const attempt of [
        () => store.put('k', 'y'),
        () => store.create('l', 'y'),
        () => store.replace('k', version, 'y'),
        () => store.delete('k'),
      ]) {
        await expect(attempt()).rejects.toMatchObject({ code: 'store.denied' });
      }
      expect((await store.list({ prefix: '' })).objects).toHaveLength(1);
      expect(await store.get('k')).not.toBeNull();
    } finally {
      disk.unmount();
    }
  });

  it('a folder or file without permission is denied: writing as store.denied, reading as input.denied', async () => {
    const root = makeFolder();
    const store = makeStore(path.join(root, 'store'));
    const object = await store.put('k', 'x');
    fs.chmodSync(root, 0o755);
    fs.chmodSync(store.locate('k'), 0);
    fs.chmodSync(path.join(root, 'store'), 0o555);
    await asUser(async () => {
      for (const attempt of [
        () => store.put('l', 'y'),
        () => store.create('m/n', 'y'),
        () => store.delete('k'),
        () => store.put('k', 'y'),
      ]) {
        await expect(attempt()).rejects.toMatchObject({ code: 'store.denied', message: /permission/ });
      }
      await expect(store.get('k')).rejects.toMatchObject({ code: 'input.denied' });
      await expect(store.read(object, { start: 0, end: 1 })).rejects.toMatchObject({ code: 'input.denied' });
      await expect(store.stage(object, { start: 0, end: 1 }, root)).rejects.toMatchObject({ code: 'input.denied' });
    });
    fs.chmodSync(path.join(root, 'store'), 0o755);
  });
});
