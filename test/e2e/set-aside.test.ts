import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sorted, sqlText, tableRows, textRows } from './duckdb.ts';
import { refuse } from './refusal.ts';
import { type EndedRun, WarmHome } from './warm-home.ts';

let home: WarmHome;
beforeAll(async () => {
  home = await WarmHome.open();
});
afterAll(() => home.close());

describe('rows that are set aside', () => {
  const good = Array.from({ length: 30 }, (_, i) => `${i},v${i}\n`);
  const bad: readonly (readonly [record: Buffer, column: string | null, reason: RegExp, raw: string])[] = [
    [Buffer.from('short\n'), null, /1 field/, 'short'],
    [Buffer.from('1,2,3\n'), null, /3 fields/, '1,2,3'],
    [Buffer.from('zz,"a\nb"\n'), 'a', /does not fit BIGINT/, 'zz,"a\nb"'],
    [Buffer.from('9,\xe9\n', 'latin1'), null, /not valid UTF-8/, '9,\\xE9'],
    [Buffer.from('8,"x"y\n'), null, /closing quote/, '8,"x"y'],
    [Buffer.from('7,x\ry\n'), null, /line end/, '7,x\ry'],
  ];

  /** Good records with the bad ones between them, and where those are. */
  function mixed(): { readonly content: Buffer; readonly offsets: readonly number[] } {
    const parts: Buffer[] = [Buffer.from('a,b\n')];
    const offsets: number[] = [];
    good.forEach((record, i) => {
      parts.push(Buffer.from(record));
      const found = bad[i % 5 === 2 ? (i - 2) / 5 : -1];
      if (found === undefined) return;
      offsets.push(parts.reduce((sum, { length }) => sum + length, 0));
      parts.push(found[0]);
    });
    return { content: Buffer.concat(parts), offsets };
  }

  async function setAside(receipt: EndedRun['receipt']): Promise<readonly (readonly (string | null)[])[]> {
    const files = (receipt?.quarantine ?? []).map((key) => sqlText(join(home.lake, key)));
    return textRows(
      `SELECT object, "offset", length_bytes, "column", reason, raw FROM read_parquet([${files.join(', ')}]) ORDER BY "offset"`,
    );
  }

  test.each([undefined, 16, 64, 100])('are told with object, place, column, reason and text, at split size %s', async (splitBytes) => {
    const { content, offsets } = mixed();
    const path = home.file('mixed.csv', content);
    const table = home.newTable();
    const wanted = {
      maxBadRows: bad.length,
      columns: { a: 'BIGINT', b: 'VARCHAR' },
      query: "SELECT * FROM input WHERE a <> 3 AND b <> 'v4'",
    };
    const ended = await home.run({ input: [path], table, ...wanted, ...(splitBytes === undefined ? {} : { splitBytes }) });
    expect(ended.error).toBeNull();
    expect(ended.receipt?.rows).toEqual({ read: 36, filtered: 2, quarantined: 6, passed: 28, written: 28 });
    expect(ended.receipt?.bytes.covered).toBe(content.length);
    const found = await setAside(ended.receipt);
    expect(found.map(([object, offset, length, column, , raw]) => [object, Number(offset), Number(length), column, raw])).toEqual(
      bad.map(([record, column, , raw], i) => [path, offsets[i], record.length, column, raw]),
    );
    found.forEach(([, offset, length, , reason], i) => {
      expect(content.subarray(Number(offset), Number(offset) + Number(length))).toEqual(bad[i]?.[0]);
      expect(reason).toMatch(bad[i]?.[2] ?? '');
    });
    const expected = good.map((record) => record.trim().split(',')).filter(([a, b]) => a !== '3' && b !== 'v4');
    expect(sorted(await tableRows(home.tablePath(table)))).toEqual(sorted(expected.map(([a = '', b = '']) => [a, b])));
  });

  test.each([undefined, 16, 64, 100])('one too many fails the run and leaves the table, at split size %s', async (splitBytes) => {
    const path = home.file('mixed.csv', mixed().content);
    const wanted = {
      maxBadRows: bad.length - 1,
      columns: { a: 'BIGINT', b: 'VARCHAR' },
      ...(splitBytes === undefined ? {} : { splitBytes }),
    };
    await refuse(home, [path], { exitCode: 1, code: 'rows.bad', says: [/allows 5/] }, wanted);
  });

  test('of a compressed object have places in its content', async () => {
    const { content, offsets } = mixed();
    const table = home.newTable();
    const ended = await home.run({
      input: [home.file('mixed.csv.gz', gzipSync(content))],
      table,
      maxBadRows: 6,
      columns: { a: 'BIGINT', b: 'VARCHAR' },
    });
    expect(ended).toMatchObject({ error: null, receipt: { rows: { read: 36, quarantined: 6, passed: 30 } } });
    expect((await setAside(ended.receipt)).map(([, offset]) => Number(offset))).toEqual(offsets);
  });

  test('of JSON lines have the text of their lines', async () => {
    const lines = ['{"a":1}', '{bad}', '{"a":"zz"}', '[1]', '{"a":2,"a":3}', '{"a":4}'];
    const table = home.newTable();
    for (const splitBytes of [undefined, 3, 11]) {
      const path = home.file('a.jsonl', `${lines.join('\r\n')}\r\n`);
      const ended = await home.run({
        input: [path],
        table,
        maxBadRows: 4,
        columns: { a: 'BIGINT' },
        ...(splitBytes === undefined ? {} : { splitBytes }),
      });
      expect(ended).toMatchObject({ error: null, receipt: { rows: { read: 6, quarantined: 4, passed: 2, written: 2 } } });
      expect((await setAside(ended.receipt)).map(([, offset, , , , raw]) => [Number(offset), raw])).toEqual([
        [9, '{bad}'],
        [16, '{"a":"zz"}'],
        [28, '[1]'],
        [33, '{"a":2,"a":3}'],
      ]);
    }
  });

  test('an unterminated quote takes the rest of the file, and only that', async () => {
    const content = 'a,b\n1,x\n2,"y\n3,z\n4,w\n';
    for (const splitBytes of [undefined, 1, 6]) {
      const table = home.newTable();
      const path = home.file('a.csv', content);
      const ended = await home.run({
        input: [path],
        table,
        maxBadRows: 1,
        columns: { a: 'BIGINT', b: 'VARCHAR' },
        ...(splitBytes === undefined ? {} : { splitBytes }),
      });
      expect({ splitBytes, error: ended.error }).toEqual({ splitBytes, error: null });
      expect(ended.receipt?.rows).toMatchObject({ read: 2, quarantined: 1, passed: 1 });
      expect((await setAside(ended.receipt)).map(([, offset, length]) => [Number(offset), Number(length)])).toEqual([[8, 13]]);
      expect(await tableRows(home.tablePath(table))).toEqual([['1', 'x']]);
    }
  });

  test('may be very many in one task', async () => {
    const table = home.newTable();
    const path = home.file('a.csv', `a,b\n1,x\n${'bad\n'.repeat(200_000)}`);
    const ended = await home.run({ input: [path], table, maxBadRows: 200_000, columns: { a: 'BIGINT', b: 'VARCHAR' } });
    expect(ended).toMatchObject({ error: null, receipt: { rows: { read: 200_001, quarantined: 200_000, passed: 1 } } });
  });
});
