import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FanlakeError } from '../../../functions/core/errors.ts';
import type { RunContext } from '../../../functions/protocol/context.ts';
import { fulfilDuties } from '../../../functions/protocol/duties.ts';
import { decide } from '../../../functions/protocol/ledger.ts';
import { lookUpRun } from '../../../functions/protocol/look-up-run.ts';
import { type Asked, findWayOn } from '../../../functions/protocol/take-up-run.ts';
import { writePlan } from '../../../functions/protocol/write-plan.ts';
import { contextOnDisk } from './context-on-disk.ts';
import { planOf } from './plan-of.ts';

let root: string;
let context: RunContext;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fanlake-way-'));
  context = contextOnDisk(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const like = planOf({ tasks: 1, bytes: 10, limits: {} });
const asked: Asked = { job: like.job, splitBytes: null, plan: async () => like };

/** How a run goes on that has failed so. */
async function wayBehind(error: FanlakeError, how: Asked | null) {
  const { inline: _inline, ...draft } = like;
  const object = { key: 'a.txt', version: 'v', size: 10 };
  const { plan } = await writePlan(context, draft, [{ task: 0, splits: [{ object, layout: 0, start: 0, end: 10 }] }]);
  const decision = { kind: 'fail', run: plan.run, epoch: 0, table: 'visits', error: error.toReport() } as const;
  await fulfilDuties(context, await decide(context, decision));
  const found = await lookUpRun(context.stores, 'visits', plan.run);
  return found === null ? null : findWayOn(context, found, how);
}

const ofSide = new FanlakeError('input.changed', 'the side input was replaced', { side: 'places.csv' });
const ofInput = new FanlakeError('rows.bad', 'too many bad rows');

it.each([
  ['the same command, when a side input was why it failed: the one that is there now is pinned', ofSide, asked, 'anew'],
  ['the same command, when its input was: what is done is taken over', ofInput, asked, 'next'],
  ['retry, whatever was: with the plan that there is', ofSide, null, 'next'],
] as const)('a run goes on by %s', async (_how, error, how, kind) => {
  expect(await wayBehind(error, how)).toMatchObject({ kind, epoch: 1 });
});
