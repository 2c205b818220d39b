import { expect, it } from 'vitest';
import { describeLayout } from '../../../../cli/render/explanation.ts';

it('a layout is told with all that decides where records and fields begin', () => {
  const dialect = { delimiter: '\t', quote: '"', escape: '\\', comment: '#', newline: '\r\n' } as const;
  const layout = {
    format: 'csv',
    compression: 'gzip',
    bomBytes: 3,
    dataStart: 3,
    dialect,
    fields: ['a'],
    header: true,
    nullStrings: [],
  } as const;
  expect(describeLayout(layout)).toBe(
    "csv, delimiter '\\t', quote '\"', escape '\\', comment '#', newline \\r\\n, header, byte order mark, gzip",
  );
  expect(describeLayout({ format: 'parquet', compression: 'none', columns: [] })).toBe('parquet');
});
