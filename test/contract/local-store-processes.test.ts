import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { LocalStore } from '../../functions/adapters/local-store.ts';
import { isWhole } from './processes/checked-body.ts';
import { startProcess } from './processes/start.ts';
import { temporaryFolders } from './temporary-folder.ts';

const makeFolder = temporaryFolders();
const text = (body: Uint8Array | undefined) => Buffer.from(body ?? '').toString();

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

describe('a local store between processes', () => {
  it('lets exactly one of 64 creators in 8 processes win, and the object is the whole body of the winner', async () => {
    const root = makeFolder();
    const store = new LocalStore(root);
    const children = await Promise.all(Array.from({ length: 8 }, () => startProcess('creators.ts', root)));
    try {
      for (let round = 0; round < 15; round += 1) {
        const key = `round/${round}`;
        const winners: string[] = [];
        await Promise.all(
          children.map(async (child, index) => {
            const bodies = Array.from({ length: 8 }, (_, creator) => `${round}:${index}:${creator};`.repeat(5_000 + creator));
            const answered = once(child, 'message');
            child.send({ key, bodies });
            const [answer] = (await answered) as [{ winners: number[] }];
            winners.push(...answer.winners.map((winner) => bodies[winner] ?? ''));
          }),
        );
        expect(winners).toHaveLength(1);
        expect(text((await store.get(key))?.body) === winners[0]).toBe(true);
      }
    } finally {
      await Promise.all(children.map(kill));
    }
  });

  it('loses no update of 4 processes that add to one number 50 times each, two of them by another root', async () => {
    const root = makeFolder();
    const store = new LocalStore(root);
    await store.put('folder/counter', '000000');
    const outside = path.join(makeFolder(), 'home');
    const programs = [
      [root, 'folder/counter'],
      [root, 'folder/counter'],
      [outside, store.locate('folder/counter')],
      [path.join(root, 'folder'), 'counter'],
    ] as const;
    const children = await Promise.all(programs.map(([from, key]) => startProcess('counter.ts', from, key, '50')));
    try {
      const ended = children.map((child) => once(child, 'exit'));
      for (const child of children) child.send('go');
      for (const [code] of await Promise.all(ended)) expect(code).toBe(0);
      expect(text((await store.get('folder/counter'))?.body)).toBe('000200');
    } finally {
      await Promise.all(children.map(kill));
    }
  });

  it('is whole and goes on working after writers were killed 40 times at any moment', { timeout: 120_000 }, async () => {
    const root = makeFolder();
    const store = new LocalStore(path.join(root, 'store'));
    let objectsSeen = 0;
    let temporariesSeen = 0;
    for (let round = 0; round < 20; round += 1) {
      // two at a time: one may be killed while it holds the lock for which the other waits
      const writers = await Promise.all([2 * round + 1, 2 * round + 2].map((seed) => startProcess('writer.ts', root, String(seed))));
      for (const writer of writers) {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
        expect(writer.exitCode).toBeNull();
        await kill(writer);
      }
      const { objects } = await store.list({ prefix: '' });
      for (const { key } of objects) {
        const found = await store.get(key);
        expect(found !== null && isWhole(found.body), `${key} is whole`).toBe(true);
        objectsSeen += 1;
      }
      const { version } = await store.put('probe', `${round} a`);
      expect(await store.replace('probe', version, `${round} b`)).not.toBeNull();
      await store.delete('probe');
      temporariesSeen += fs.readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.tmp-')).length;
    }
    expect(objectsSeen).toBeGreaterThan(100);
    // the kills did hit writers in the middle, or this test shows nothing
    expect(temporariesSeen).toBeGreaterThan(0);
    await store.sweepTemporaries(0);
    expect(fs.readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.tmp-'))).toEqual([]);
  });
});
