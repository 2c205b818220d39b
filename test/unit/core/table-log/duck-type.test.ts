import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DuckType, parseDuckType, printDuckType } from '../../../../functions/core/table-log/duck-type.ts';

const scalar = (name: string): DuckType => ({ kind: 'scalar', name });

describe('parseDuckType', () => {
  test.each<[string, DuckType]>([
    ['BIGINT', scalar('BIGINT')],
    ['TIMESTAMP WITH TIME ZONE', scalar('TIMESTAMP WITH TIME ZONE')],
    ['TIME WITH TIME ZONE[]', { kind: 'list', element: scalar('TIME WITH TIME ZONE') }],
    ['DECIMAL(18,3)', { kind: 'decimal', precision: 18, scale: 3 }],
    ['"NULL"', scalar('NULL')],
    ['BIT(1)', scalar('BIT')],
    ["GEOMETRY('OGC:CRS84')", scalar('GEOMETRY')],
    ["ENUM('a', 'b''c', '(,)')", { kind: 'enum', values: ['a', "b'c", '(,)'] }],
    ['INTEGER[2][]', { kind: 'list', element: { kind: 'array', element: scalar('INTEGER'), size: 2 } }],
    [
      'MAP(VARCHAR, DECIMAL(2,1)[])',
      { kind: 'map', key: scalar('VARCHAR'), value: { kind: 'list', element: { kind: 'decimal', precision: 2, scale: 1 } } },
    ],
    [
      'STRUCT(a INTEGER, "b c" VARCHAR[], "q""q" MAP(INTEGER, VARCHAR))',
      {
        kind: 'struct',
        fields: [
          { name: 'a', type: scalar('INTEGER') },
          { name: 'b c', type: { kind: 'list', element: scalar('VARCHAR') } },
          { name: 'q"q', type: { kind: 'map', key: scalar('INTEGER'), value: scalar('VARCHAR') } },
        ],
      },
    ],
    [
      'STRUCT(t TIMESTAMP WITH TIME ZONE, "struct" STRUCT(x DOUBLE))[]',
      {
        kind: 'list',
        element: {
          kind: 'struct',
          fields: [
            { name: 't', type: scalar('TIMESTAMP WITH TIME ZONE') },
            { name: 'struct', type: { kind: 'struct', fields: [{ name: 'x', type: scalar('DOUBLE') }] } },
          ],
        },
      },
    ],
    [
      'STRUCT(INTEGER, TIMESTAMP WITH TIME ZONE, DECIMAL(2,1), VARCHAR[])',
      {
        kind: 'struct',
        fields: [
          { name: '', type: scalar('INTEGER') },
          { name: '', type: scalar('TIMESTAMP WITH TIME ZONE') },
          { name: '', type: { kind: 'decimal', precision: 2, scale: 1 } },
          { name: '', type: { kind: 'list', element: scalar('VARCHAR') } },
        ],
      },
    ],
    ['UNION(k INTEGER)', { kind: 'union', fields: [{ name: 'k', type: scalar('INTEGER') }] }],
    ['text', scalar('VARCHAR')],
  ])('reads %s', (text, type) => {
    expect(parseDuckType(text)).toEqual(type);
  });

  test.each(['', 'STRUCT(a INTEGER', 'INTEGER]', 'MAP(INTEGER)', 'DECIMAL(a)', 'STRUCT("a INTEGER)', 'INTEGER[', 'ENUM(a)'])(
    'refuses %j and says how to write a type',
    (text) => {
      expect(() => parseDuckType(text)).toThrow(
        expect.objectContaining({ code: 'table.type', message: expect.stringContaining('DESCRIBE') }),
      );
    },
  );

  test('reads back every type that it prints', () => {
    const { type } = fc.letrec<{ type: DuckType; leaf: DuckType; field: { name: string; type: DuckType } }>((tie) => ({
      type: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        tie('leaf'),
        fc.record({ kind: fc.constant('list' as const), element: tie('type') }),
        fc.record({ kind: fc.constant('array' as const), element: tie('type'), size: fc.nat(99) }),
        fc.record({ kind: fc.constant('map' as const), key: tie('type'), value: tie('type') }),
        fc.record({ kind: fc.constant('struct' as const), fields: fc.array(tie('field'), { minLength: 1, maxLength: 3 }) }),
      ),
      leaf: fc.oneof(
        fc.constantFrom('BIGINT', 'VARCHAR', 'TIMESTAMP WITH TIME ZONE', 'UUID').map(scalar),
        fc.record({ kind: fc.constant('decimal' as const), precision: fc.integer({ min: 1, max: 38 }), scale: fc.nat(5) }),
        fc.record({ kind: fc.constant('enum' as const), values: fc.array(fc.string(), { minLength: 1, maxLength: 3 }) }),
      ),
      field: fc.record({ name: fc.string({ minLength: 1 }), type: tie('type') }),
    }));
    fc.assert(
      fc.property(type, (value) => {
        expect(parseDuckType(printDuckType(value))).toEqual(value);
      }),
    );
  });
});
