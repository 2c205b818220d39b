import { expect, it } from 'vitest';
import { renderCsv } from '../../../../cli/render/csv.ts';

it('rows are CSV: what needs quotes has them, NULL is an empty field and an empty text is not', () => {
  const columns = [
    { name: 'a, b', type: 'VARCHAR' },
    { name: 'n', type: 'HUGEINT' },
    { name: 'l', type: 'INTEGER[]' },
  ];
  const rows = [
    ['x', 1, [1, 2]],
    ['say "hi"\n', '9007199254740993', null],
    ['', null, []],
  ];
  expect(renderCsv({ columns, rows, more: false })).toBe(
    ['"a, b",n,l', 'x,1,"[1,2]"', '"say ""hi""\n",9007199254740993,', '"",,[]'].join('\n'),
  );
});
