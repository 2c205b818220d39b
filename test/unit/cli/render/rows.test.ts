import { describe, expect, it } from 'vitest';
import { renderRows, rowsDocument } from '../../../../cli/render/rows.ts';
import { plainStyle } from '../../../../cli/render/style.ts';

const columns = [
  { name: 'n', type: 'BIGINT' },
  { name: 'list', type: 'INTEGER[]' },
];

it('rows are shown with NULL, nested values and whether there are more', () => {
  const rows = [
    [12, [1, 2]],
    [null, null],
  ];
  expect(renderRows({ columns, rows, more: false }, plainStyle).split('\n').slice(2)).toEqual(['  12  [1,2]', 'NULL  NULL', '2 rows']);
  expect(renderRows({ columns, rows, more: true }, plainStyle)).toContain('the first 2 rows, there are more: --limit');
});

it('two columns of one name are two keys of an object', () => {
  const twice = [
    { name: 'a', type: 'INTEGER' },
    { name: 'a', type: 'INTEGER' },
  ];
  expect(rowsDocument({ columns: twice, rows: [[1, 2]], more: false })).toEqual({
    columns: [
      { name: 'a', type: 'INTEGER' },
      { name: 'a_1', type: 'INTEGER' },
    ],
    rows: [{ a: 1, a_1: 2 }],
    more: false,
  });
});

describe('as JSON, the type of a column decides the form of its values', () => {
  const printed = (type: string, ...values: readonly unknown[]): string =>
    JSON.stringify(rowsDocument({ columns: [{ name: 'c', type }], rows: values.map((value) => [value]), more: false }).rows);

  it.each(['BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'BIGNUM'])('%s: numbers with all their digits, whatever their size', (type) => {
    expect(printed(type, 1, '9007199254740993', '-170141183460469231731687303715884105728', null)).toBe(
      '[{"c":1},{"c":9007199254740993},{"c":-170141183460469231731687303715884105728},{"c":null}]',
    );
  });

  it.each([
    ['BIGINT[]', ['9007199254740993', 1, null], '[9007199254740993,1,null]'],
    ['BIGINT[2]', ['9007199254740993', 1], '[9007199254740993,1]'],
    [
      'STRUCT("a" BIGINT, "b c" VARCHAR)',
      { 'a': '9007199254740993', 'b c': '9007199254740993' },
      '{"a":9007199254740993,"b c":"9007199254740993"}',
    ],
    [
      'MAP(VARCHAR, HUGEINT[])',
      [{ key: '9007199254740993', value: ['9007199254740993'] }],
      '[{"key":"9007199254740993","value":[9007199254740993]}]',
    ],
    ['UNION(n BIGINT, s VARCHAR)', { tag: 'n', value: '9007199254740993' }, '{"tag":"n","value":9007199254740993}'],
  ])('inside %s too', (type, value, text) => {
    expect(printed(type, value)).toBe(`[{"c":${text}}]`);
  });

  it.each(['VARCHAR', 'DECIMAL(20,0)', 'DECIMAL(5,2)', 'UUID', 'no type at all('])('%s: texts stay texts', (type) => {
    expect(printed(type, '9007199254740993', '1')).toBe('[{"c":"9007199254740993"},{"c":"1"}]');
  });
});
