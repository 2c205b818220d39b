import { expect, it } from 'vitest';
import { exitCodeOfError, exitCodeOfReceipt } from '../../../cli/exit-code.ts';
import { blankReceipt } from '../../../functions/core/receipt.ts';

const receipt = blankReceipt({ run: 'visits-1', epoch: 0 }, '/lake/visits');

it.each([
  ['COMMITTED', 0],
  ['ALREADY_COMMITTED', 0],
  ['FAILED', 1],
  ['PARTIAL', 3],
  ['CANCELLED', 4],
] as const)('a run that is %s ends with %d', (outcome, code) => {
  expect(exitCodeOfReceipt({ ...receipt, outcome })).toBe(code);
});

it.each([
  'usage',
  'not-built',
  'job.invalid',
  'job.unknown',
  'run.unknown',
  'run.ambiguous',
  'input.none',
  'plan.too-large',
  'query.syntax',
  'table.schema',
] as const)('an error %s before the plan exists means that the command or the job is wrong: 2', (code) => {
  expect(exitCodeOfError(code)).toBe(2);
});

it.each(['input.denied', 'input.gone', 'store.full', 'store.denied', 'internal'] as const)('an error %s is a failure: 1', (code) => {
  expect(exitCodeOfError(code)).toBe(1);
});
