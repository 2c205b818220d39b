import { expect, it } from 'vitest';
import { mayExpire } from '../../../functions/core/expired-work.ts';
import type { OutcomeWord } from '../../../functions/core/receipt.ts';

const beforeMs = 1_000;
const end = (epoch: number, outcome: OutcomeWord | null, endedMs: number | null = 500) => ({ epoch, outcome, endedMs });

it.each([
  ['ended long ago goes', 500, 0, [end(0, 'FAILED')], true],
  ['was committed in part, and then its rest, goes', 500, 1, [end(0, 'PARTIAL'), end(1, 'COMMITTED')], true],
  ['has no plan goes', 500, null, [], true],
  ['ended just now stays', 500, 0, [end(0, 'COMMITTED', 1_000)], false],
  ['has a young part stays', 1_000, 0, [end(0, 'FAILED')], false],
  ['is under way stays, however old', 500, 0, [], false],
  ['is decided and has not ended stays', 500, 0, [end(0, null, null)], false],
  ['failed and is tried again stays', 500, 1, [end(0, 'FAILED')], false],
  ['was committed in part stays: only its plan leads to the rest', 500, 0, [end(0, 'PARTIAL')], false],
  ['was committed in part, and whose rest failed, stays', 500, 1, [end(0, 'PARTIAL'), end(1, 'FAILED')], false],
] as const)('work of a run that %s', (_, newestMs, planned, epochs, expires) => {
  expect(mayExpire({ newestMs, planned, epochs }, beforeMs)).toBe(expires);
});
