import { describe, expect, it } from 'vitest';
import { defineJob, type JobDeclaration, parseJob } from '../../../functions/core/job.ts';

const least: JobDeclaration = { name: 'visits', input: { prefix: 'landing/visits/' }, table: { name: 'visits' } };

function messageOf(declaration: unknown): string {
  try {
    parseJob(declaration);
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'job.invalid' });
    return thrown instanceof Error ? thrown.message : '';
  }
  return 'no error';
}

describe('a job', () => {
  it('needs name, input and table.name only', () => {
    expect(defineJob(least)).toEqual({
      name: 'visits',
      input: { prefix: 'landing/visits/', include: [], exclude: [] },
      query: 'SELECT * FROM input',
      table: { name: 'visits', partitionBy: [], format: 'delta', mode: 'append', columnNames: 'clean' },
      limits: { maxBadRows: 0, maxFailedTasks: 0, deadlineMinutes: 1440 },
    });
  });

  it('takes a format by name or with options', () => {
    expect(defineJob({ ...least, input: { format: 'csv' } }).input.format).toEqual({ type: 'csv' });
    const format = { type: 'csv', delimiter: ';', header: false, nullStrings: ['NA'] } as const;
    expect(defineJob({ ...least, input: { format } }).input.format).toEqual(format);
  });

  it('says all mistakes in one message, each with its place and the nearest known word', () => {
    const message = messageOf({
      name: 'Visits',
      inputs: {},
      input: { prefix: 'landing/x/', format: 'cvs' },
      table: { name: 'v-1', partitonBy: ['a'] },
      limits: { maxBadRow: 3, deadlineMinutes: 0 },
    });
    for (const part of [
      `'name' must be`,
      `'inputs' is not a key of a job (did you mean 'input'?)`,
      `'input.format' must be one of`,
      `(did you mean 'csv'?)`,
      `'table.name' must be`,
      `'table.partitonBy' is not a key of a job (did you mean 'partitionBy'?)`,
      `'limits.maxBadRow' is not a key of a job (did you mean 'maxBadRows'?)`,
      `'limits.deadlineMinutes'`,
    ]) {
      expect(message).toContain(part);
    }
  });

  it.each([
    [{ ...least, name: 'has spaces' }, `'name' must be`],
    [{ ...least, table: {} }, `'table.name' is missing`],
    [{ ...least, input: { prefix: '' } }, `'input.prefix'`],
    [{ ...least, input: { prefix: '/abs/' } }, `'input.prefix'`],
    [{ ...least, input: { prefix: 'lake/visits/' } }, `what Fanlake writes itself`],
    [{ ...least, input: { format: { type: 'csv', delimeter: ';' } } }, `did you mean 'delimiter'?`],
    [{ ...least, input: { format: { type: 'jsonl', delimiter: ';' } } }, `'input.format.delimiter' belongs to csv and tsv`],
    [{ ...least, input: { format: { type: 'csv', quote: '""' } } }, `'input.format.quote' must be one ASCII character`],
    [null, 'the job'],
    ['csv', 'the job'],
  ])('with a mistake is refused with its place (%#)', (declaration, part) => {
    expect(messageOf(declaration)).toContain(part);
  });
});
