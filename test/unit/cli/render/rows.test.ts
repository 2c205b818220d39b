import { expect, it } from 'vitest';
import { renderRows, rowObjects } from '../../../../cli/render/rows.ts';
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
  expect(rowObjects({ columns: twice, rows: [[1, 2]], more: false })).toEqual([{ a: 1, a_1: 2 }]);
});
