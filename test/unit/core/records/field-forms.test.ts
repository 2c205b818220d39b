import { describe, expect, test } from 'vitest';
import type { CsvDialect } from '../../../../functions/core/records/csv-dialect.ts';
import { FieldForms } from '../../../../functions/core/records/field-forms.ts';
import type { FieldForm } from '../../../../functions/core/records/form-kernel-state.ts';
import { kernel, windowBytes } from '../../../../functions/core/records/kernel.ts';
import { seeded } from './random-text.ts';

const base: CsvDialect = { delimiter: ',', quote: '"', escape: '"', comment: '', newline: '\n' };

/** The forms said again, as patterns. */
const patterns: Readonly<Record<FieldForm, RegExp>> = {
  integer: /^(-?(0|[1-9]\d{0,17}))?$/,
  decimal: /^(-?\d(?=[\d.]{0,29}$)\d*(\.\d+)?)?$/,
  date: /^(\d{4}-\d\d-\d\d)?$/,
  timestamp: /^(\d{4}-\d\d-\d\d[ T]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?)?$/,
};
const names = ['integer', 'decimal', 'date', 'timestamp'] as const;

/** Whether a text that begins with a day begins with one of the calendar. */
function isInCalendar(value: string): boolean {
  const [, year = '', month = '', day = ''] = /^(\d{4})-(\d\d)-(\d\d)/.exec(value) ?? [];
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  return day === '' || (date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day));
}

function formsOf(dialect: CsvDialect, forms: readonly (FieldForm | null)[], bytes: Uint8Array, cuts: readonly number[] = []) {
  const checker = new FieldForms(dialect, forms);
  const edges = [0, ...cuts, bytes.length];
  for (const [i, end] of edges.slice(1).entries()) checker.push(bytes.subarray(edges[i], end));
  return checker.finish();
}

const isOfForm = (form: FieldForm, value: string): boolean =>
  formsOf(base, [null, form, null], Buffer.from(`a,${value},"b,\n"\n`)).includes(1);

describe('the form of a field', () => {
  const values = {
    integer: ['', '0', '-0', '7', '-7', '120', '123456789012345678', '-123456789012345678', '"12"', '"-1"'],
    noInteger: [
      '01',
      '-01',
      '1.5',
      '1.0',
      '1e3',
      '+1',
      ' 1',
      '1 ',
      '1234567890123456789',
      '-1234567890123456789',
      '-',
      '--1',
      '1-',
      '1_000',
      'x',
    ],
    decimal: [
      '',
      '0',
      '-0',
      '-0.0',
      '00',
      '007.50',
      '1.5',
      '-123.456',
      '"1.5"',
      '123456789012345678901234567890',
      '1234567890123456789012345678.9',
    ],
    noDecimal: [
      '.5',
      '5.',
      '-',
      '-.5',
      '1.2.3',
      '1e3',
      '+1',
      ' 1',
      '1 ',
      '1_5',
      '1-2',
      '-.',
      '.',
      'nan',
      '1234567890123456789012345678901',
      '""',
    ],
    date: ['', '2026-01-02', '"2026-12-31"', '9999-12-31', '2024-02-29', '2000-02-29', '2026-02-28', '2026-04-30'],
    noDate: [
      '9999-99-99',
      '2026-00-01',
      '2026-13-01',
      '2026-01-00',
      '2026-01-32',
      '2026-04-31',
      '2026-02-29',
      '1900-02-29',
      '2024-02-30',
      '2026-1-2',
      '2026/01/02',
      '2026-01-02 ',
      '20260102',
      '2026-01-0x',
      '2026-01-02 00:00:00',
      '02026-01-02',
      '-026-01-02',
      '""',
    ],
    timestamp: [
      '2026-01-02 03:04:05',
      '2026-01-02T03:04:05',
      '2026-01-02 03:04:05.6',
      '2026-01-02 03:04:05.678901',
      '"2026-01-02 03:04:05.678"',
    ],
    noTimestamp: [
      '2026-01-02',
      '2026-01-02 03:04',
      '2026-01-02 03:04:05.',
      '2026-01-02 03:04:05.6789012',
      '2026-01-02 03:04:05Z',
      '2026-01-02 03:04:05.678901Z',
      '2026-01-02 03:04:05+01',
      '2026-01-02 03:04:05.1-08',
      '2026-01-02 03:04:05 UTC',
      '2026-01-02x03:04:05',
      '2026-01-02 03-04:05',
      '2026-01-02 03:04-05',
      '2026-01-02 3:04:05',
      '2026-01-02 24:00:00',
      '2026-01-02 23:60:00',
      '2026-01-02 23:59:60',
      '2026-02-30 03:04:05',
      '2026-06-31 03:04:05',
    ],
  };
  test.each(values.integer)('%j is an integer', (value) => expect(isOfForm('integer', value)).toBe(true));
  test.each(values.noInteger)('%j is no integer', (value) => expect(isOfForm('integer', value)).toBe(false));
  test.each(values.decimal)('%j is a decimal', (value) => expect(isOfForm('decimal', value)).toBe(true));
  test.each(values.noDecimal)('%j is no decimal', (value) => expect(isOfForm('decimal', value)).toBe(false));
  test.each(values.date)('%j is a date', (value) => expect(isOfForm('date', value)).toBe(true));
  test.each(values.noDate)('%j is no date', (value) => expect(isOfForm('date', value)).toBe(false));
  test.each(values.timestamp)('%j is a timestamp', (value) => expect(isOfForm('timestamp', value)).toBe(true));
  test.each(values.noTimestamp)('%j is no timestamp', (value) => expect(isOfForm('timestamp', value)).toBe(false));

  test.each([
    ['a delimiter of two bytes', { ...base, delimiter: '||' }],
    ['comments', { ...base, comment: '#' }],
    ['an escape that is not the quote', { ...base, escape: '\\' }],
  ])('is not told under a dialect with %s', (_name, dialect) => {
    expect(formsOf(dialect, ['integer'], Buffer.from('1\n'))).toEqual([]);
  });
});

describe('fields of many records, in pieces cut anywhere', () => {
  const random = seeded(11);
  const pick = <Item>(items: readonly Item[]): Item => items[random(items.length)] as Item;
  const text = (length: number): string => Array.from({ length }, () => pick([...'ab, \n""é0123456789-:.'])).join('');
  const ordinary: Readonly<Record<FieldForm, () => string>> = {
    integer: () => String(random(1_000_000_000)),
    decimal: () => pick([`${random(1_000_000_000)}`, `-${random(1000)}.${random(1_000_000)}`, `0.${random(1_000)}`]),
    date: () => `${1000 + random(9000)}-0${1 + random(9)}-1${random(10)}`,
    timestamp: () => `2026-0${1 + random(9)}-1${random(10)} 1${random(10)}:0${random(10)}:5${random(10)}${pick(['', '.1', '.123456'])}`,
  };
  const odd = ['01', '1.5', '2026-1-1', '2026-01-01 00:00:00Z', 'x', '+1', '2026-01-01T1'];

  function randomTable(dialect: CsvDialect, rows: number) {
    const forms = Array.from({ length: 1 + random(6) }, () => pick([null, ...names]));
    const oddness = pick([0, 0, 30, 2000]);
    const values = Array.from({ length: rows }, () =>
      forms.map((form) => {
        if (random(20) === 0) return '';
        if (form === null) return text(random(pick([5, 5, 200])));
        return oddness > 0 && random(oddness) === 0 ? pick(odd) : ordinary[form]();
      }),
    );
    const { delimiter, quote, newline } = dialect;
    const written = (value: string): string => {
      if (quote === '') return value.replaceAll(/[,\n\r\t]/g, '.');
      const mustQuote = value.includes(delimiter) || /["\n\r]/.test(value) || (value !== '' && random(4) === 0);
      return mustQuote ? quote + value.replaceAll(quote, quote + quote) + quote : value;
    };
    const lines = values.map((row) => row.map(written).join(delimiter));
    const bytes = Buffer.from(lines.join(newline) + (random(2) === 0 ? newline : ''));
    const expected = forms.flatMap((form, field) =>
      form !== null && values.every((row) => patterns[form].test(row[field] ?? '') && isInCalendar(row[field] ?? '')) ? [field] : [],
    );
    return { forms, bytes, expected };
  }

  test.each([base, { ...base, newline: '\r\n' }, { ...base, newline: '\r' }, { ...base, delimiter: '\t', quote: '', escape: '' }] as const)(
    'are of the forms that their patterns say: %j',
    (dialect) => {
      let ofForm = 0;
      for (let round = 0; round < 400; round++) {
        const { forms, bytes, expected } = randomTable(dialect, 1 + random(60));
        const cuts = [...new Set(Array.from({ length: random(8) }, () => random(bytes.length + 1)))].sort((a, b) => a - b);
        expect(formsOf(dialect, forms, bytes, cuts), bytes.toString()).toEqual(expected);
        ofForm += expected.length;
      }
      expect(ofForm).toBeGreaterThan(200);
    },
  );

  test('may stand in the kernel’s own window, where a piece is read behind the one before', () => {
    for (let round = 0; round < 200; round++) {
      const { forms, bytes, expected } = randomTable(base, 1 + random(60));
      const checker = new FieldForms(base, forms);
      const half = random(bytes.length + 1);
      kernel().window.set(bytes);
      checker.push(kernel().window.subarray(0, half));
      checker.push(kernel().window.subarray(half, bytes.length));
      expect(checker.finish(), bytes.toString()).toEqual(expected);
    }
  });

  test('may be longer than a window', () => {
    const line = `12,"${'x,\n'.repeat(windowBytes)}",2026-01-01\n`;
    expect(formsOf(base, ['integer', null, 'date'], Buffer.from(line + line))).toEqual([0, 2]);
    expect(formsOf(base, ['integer', null, 'date'], Buffer.from(`${line}${'1'.repeat(2 * windowBytes)},,\n`))).toEqual([2]);
  });
});
