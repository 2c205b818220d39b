import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { systemClock, systemNonces } from '../../../functions/adapters/system-clock.ts';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { blankReceipt } from '../../../functions/core/receipt.ts';
import type { RunContext } from '../../../functions/protocol/context.ts';
import { readOutcome } from '../../../functions/protocol/documents.ts';
import { decide, readLedger, writeOutcome } from '../../../functions/protocol/ledger.ts';

const id = { run: 'visits-0', epoch: 0 };

describe('the ledger', () => {
  let root: string;
  let context: RunContext;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'fanlake-ledger-'));
    const store = new LocalStore(root, { durable: false });
    const queue = { send: async () => [] };
    const stores = { landing: store, work: store, lake: store };
    context = {
      stores,
      tasks: queue,
      merges: queue,
      commits: queue,
      monitor: queue,
      clock: systemClock,
      nonces: systemNonces,
      announce: null,
    };
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('keeps the first decision and answers it to everybody who decides later', async () => {
    const cancelled = await decide(context, { kind: 'cancel', ...id, table: 'visits' });
    const late = await decide(context, { kind: 'commit', ...id, table: 'visits', version: 3 });
    expect(late).toEqual(cancelled);
    expect(late.kind).toBe('cancel');
  });

  it('answers one of many deciders at once to all of them', async () => {
    const decisions = await Promise.all(
      Array.from({ length: 20 }, (_, version) => decide(context, { kind: 'commit', ...id, table: 'visits', version })),
    );
    expect(new Set(decisions.map(({ nonce }) => nonce)).size).toBe(1);
  });

  it('lists the epochs of a run and how they stand, and those of no other run', async () => {
    await decide(context, { kind: 'cancel', ...id, table: 'visits' });
    await writeOutcome(context, 'visits', { ...blankReceipt(id, 'visits'), outcome: 'CANCELLED' });
    await decide(context, { kind: 'cancel', run: 'visits-0', epoch: 1, table: 'visits' });
    await decide(context, { kind: 'cancel', run: 'visits-01', epoch: 0, table: 'visits' });
    expect(await readLedger(context.stores.lake, 'visits', 'visits-0')).toEqual([
      { epoch: 0, decided: true, ended: true },
      { epoch: 1, decided: true, ended: false },
    ]);
  });

  it('keeps the first outcome', async () => {
    await writeOutcome(context, 'visits', { ...blankReceipt(id, 'visits'), seconds: 1 });
    await writeOutcome(context, 'visits', { ...blankReceipt(id, 'visits'), seconds: 2 });
    const stored = await context.stores.lake.get('visits/_fanlake/visits-0/e0/outcome.json');
    expect(JSON.parse(Buffer.from(stored?.body ?? []).toString())).toMatchObject({ seconds: 1 });
  });

  it('announces how an epoch ended, also to whoever finds it ended after its writer died, and always as it was first', async () => {
    const heard: (readonly [number, boolean])[] = [];
    const announcing: RunContext = { ...context, announce: async ({ seconds }, isNew) => void heard.push([seconds, isNew]) };
    await writeOutcome(announcing, 'visits', { ...blankReceipt(id, 'visits'), seconds: 1 });
    await writeOutcome(announcing, 'visits', { ...blankReceipt(id, 'visits'), seconds: 2 });
    expect(heard).toEqual([
      [1, true],
      [1, false],
    ]);
  });

  it('says of an end that could not be announced that it stands, and that only the announcement failed', async () => {
    const deaf: RunContext = {
      ...context,
      announce: async () => {
        throw new FanlakeError('store.failed', "can't tell the event bus 'default'");
      },
    };
    const committed = { ...blankReceipt(id, 'visits'), outcome: 'COMMITTED' } as const;
    // whoever writes it, and whoever finds it
    for (const _ of [1, 2]) {
      await expect(writeOutcome(deaf, 'visits', committed)).rejects.toMatchObject({
        code: 'run.unannounced',
        retryable: true,
        message: expect.stringMatching(/visits-0.*rows are in the table.*only the announcement.*event bus 'default'/s),
      });
    }
    expect(await readOutcome(context.stores.lake, 'visits', id)).toMatchObject({ outcome: 'COMMITTED' });
    const failed = writeOutcome(deaf, 'visits', { ...committed, run: 'visits-9', outcome: 'FAILED' });
    await expect(failed).rejects.toMatchObject({ code: 'run.unannounced', message: expect.not.stringContaining('rows are in') });
  });
});
