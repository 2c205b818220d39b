import { describe, expect, test } from 'vitest';
import { answerNames, tableNames } from '../../../../functions/core/table-log/column-names.ts';

const columns = (...names: string[]) => names.map((name) => ({ name, type: 'INTEGER' }));
const refused = (...parts: string[]) =>
  expect.objectContaining({ code: 'table.name', message: expect.stringMatching(new RegExp(parts.join('.*').replace(/[()]/g, '\\$&'))) });

test('a printed answer is kept under names that are all different, whatever its columns and their fields are called', () => {
  const kept = answerNames([...columns('k', 'K', 'a b', 'a_b', 'k_1', '', ''), { name: 'st', type: 'STRUCT("b c" INTEGER)' }]);
  expect(kept.map(({ name }) => name)).toEqual(['k', 'K_1', 'a_b', 'a_b_1', 'k_1_1', '_', '__1', 'st']);
});

describe('tableNames', () => {
  test('cleans each character that Delta cannot hold to an underscore and leaves the rest', () => {
    const named = tableNames(columns('Flight Date', 'a,b;c{d}e(f)g\nh\ti=j', 'größe.x"y', ''), 'clean');
    expect(named.map(({ source, name }) => [source, name])).toEqual([
      ['Flight Date', 'Flight_Date'],
      ['a,b;c{d}e(f)g\nh\ti=j', 'a_b_c_d_e_f_g_h_i_j'],
      ['größe.x"y', 'größe.x"y'],
      ['', '_'],
    ]);
  });

  test('refuses two names that are equal once cleaned, or but for case, naming both', () => {
    expect(() => tableNames(columns('a b', 'c', 'a_b'), 'clean')).toThrow(refused("'a b' and 'a_b'", 'AS in the query'));
    expect(() => tableNames(columns('Id', 'ID'), 'clean')).toThrow(refused("'Id' and 'ID'"));
    expect(() => tableNames(columns('k', 'a', 'k'), 'clean')).toThrow(refused("2 columns 'k'", 'AS in the query', 'EXCLUDE'));
  });

  test('refuses every bad name in strict mode, and takes good ones as they are', () => {
    expect(() => tableNames(columns('ok', 'a b', 'c;'), 'strict')).toThrow(refused('\'a b\' has " "', '\'c;\' has ";"', "'clean'"));
    expect(tableNames(columns('ok', 'Größe'), 'strict').map(({ name }) => name)).toEqual(['ok', 'Größe']);
  });

  test.each(['clean', 'strict'] as const)('refuses bad names inside structs, which a cast would turn into NULL (%s)', (mode) => {
    const nested = (type: string) => () => tableNames([{ name: 'st', type }], mode);
    expect(nested('STRUCT("b c" INTEGER)')).toThrow(refused("field 'b c' inside column 'st'", 'struct_pack'));
    expect(nested('MAP(VARCHAR, STRUCT(a STRUCT("x=y" INTEGER))[])')).toThrow(refused("field 'x=y' inside column 'st'"));
    expect(nested('STRUCT(a INTEGER, "A" INTEGER)')).toThrow(refused("'a' and 'A' inside column 'st'"));
    expect(nested('STRUCT(a INTEGER, "b.c" INTEGER)')).not.toThrow();
  });
});
