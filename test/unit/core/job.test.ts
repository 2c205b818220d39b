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
      allowSingleTask: false,
      table: { name: 'visits', partitionBy: [], format: 'delta', mode: 'append', columnNames: 'clean' },
      limits: { maxBadRows: 0, maxFailedTasks: 0, deadlineMinutes: 1440 },
    });
  });

  it('takes a format by name or with options', () => {
    expect(defineJob({ ...least, input: { format: 'csv' } }).input.format).toEqual({ type: 'csv' });
    const format = { type: 'csv', delimiter: ';', header: false, nullStrings: ['NA'] } as const;
    expect(defineJob({ ...least, input: { format } }).input.format).toEqual(format);
  });

  it('takes side inputs by key or with options, and a parsed job again', () => {
    const rates = { key: 'reference/rates.csv', format: 'csv', columns: { rate: 'DOUBLE' } } as const;
    const job = defineJob({ ...least, inputs: { countries: 'reference/countries.csv', rates } });
    expect(job.inputs).toEqual({ countries: { key: 'reference/countries.csv' }, rates: { ...rates, format: { type: 'csv' } } });
    expect(parseJob(job)).toEqual(job);
  });

  it('says all mistakes in one message, each with its place and the nearest known word', () => {
    const message = messageOf({
      name: 'Visits',
      inpt: {},
      input: { prefix: 'landing/x/', format: 'cvs' },
      table: { name: 'v-1', partitonBy: ['a'] },
      limits: { maxBadRow: 3, deadlineMinutes: 0 },
    });
    for (const part of [
      `'name' must be`,
      `'inpt' is not a key of a job (did you mean 'input'?)`,
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
    [{ ...least, table: { name: '_answers' } }, `'table.name' must not be one of Fanlake's own folders`],
    [{ ...least, table: { name: 'quarantine' } }, `'table.name' must not be one of Fanlake's own folders`],
    [{ ...least, inputs: { Input: 'a.csv' } }, `the name 'Input' must not be a name of Fanlake itself (input, parts)`],
    [{ ...least, inputs: { _a: 'a.csv' } }, `the name '_a' must be 1 to 63 characters of letters, digits and '_', beginning with a letter`],
    [{ ...least, inputs: { 'a b': 'a.csv' } }, `the name 'a b' must be`],
    [{ ...least, inputs: { a: 'a.csv', A: 'b.csv' } }, `the name 'A' must differ from 'a' in more than case`],
    [{ ...least, inputs: { a: '' } }, `'inputs.a'`],
    [{ ...least, inputs: { a: { key: 'a.csv', column: {} } } }, `'inputs.a.column' is not a key of a job (did you mean 'columns'?)`],
    [{ ...least, inputs: { a: {} } }, `'inputs.a.key' is missing`],
    [{ ...least, inputs: { a: { key: 'a', format: 'cvs' } } }, `'inputs.a.format'`],
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
