import { readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../functions/core/errors.ts';
import { runSql, sorted, sqlText, tableRows } from './duckdb.ts';
import { expectRefused, goodRows, refuse, tableWithARow } from './refusal.ts';
import { WarmHome } from './warm-home.ts';

// Bad input: the exit code, the code, a message that names the place and says what to do, and a table that is as it was.
let home: WarmHome;
beforeAll(async () => {
  home = await WarmHome.open();
});
afterAll(() => home.close());

describe('a row that can’t be taken fails the run', () => {
  test.each([
    ['too few fields', 'a,b\n2,y\n3\n', [/a\.csv, byte 8: it has 1 field, and the file has 2 columns/]],
    ['too many fields', 'a,b\n2,y\n3,z,w\n', [/byte 8: it has 3 fields, and the file has 2 columns/]],
    ['a value that does not fit its column', 'a,b\n2,y\nzz,z\n', [/byte 8, column 'a': 'zz' does not fit BIGINT/]],
    ['invalid UTF-8', Buffer.from('a,b\n2,y\n3,\xe9\n', 'latin1'), [/byte 10 is not valid UTF-8/]],
    ['a quote that is never closed', 'a,b\n2,y\n3,"z\n4,w\n', [/byte 8: a quote is opened and never closed/]],
    ['a quote that is never closed in the last field', 'a,b\n2,y\n3,"', [/byte 8: a quote is opened and never closed/]],
    ['another line end', 'a,b\n2,y\n3,z\r\n4,w\n', [/byte 8: it holds a line end other than LF/]],
    [
      'text behind a closing quote',
      'a,b\n2,y\n3,"z"w\n',
      [/byte 8: there is text between the closing quote of a field and the next delimiter/],
    ],
  ] as const)('%s', async (_what, content, says) => {
    for (const splitBytes of [undefined, 5]) {
      const wanted = { columns: { a: 'BIGINT', b: 'VARCHAR' }, ...(splitBytes === undefined ? {} : { splitBytes }) };
      await refuse(home, [home.file('a.csv', content)], { exitCode: 1, code: 'rows.bad', says: [...says, 'limits.maxBadRows'] }, wanted);
    }
  });

  test.each([
    ['a line that is not JSON', '{"a":2,"b":"y"}\n{bad}\n', [/a\.jsonl, byte 16/]],
    ['a line that is no object', '{"a":2,"b":"y"}\n[1]\n', [/a\.jsonl, byte 16/]],
    ['a value that does not fit its column', '{"a":2,"b":"y"}\n{"a":"zz","b":"z"}\n', [/byte 16, column 'a'/]],
    ['invalid UTF-8', Buffer.from('{"a":2,"b":"y"}\n{"a":3,"b":"\xe9"}\n', 'latin1'), [/byte 28 is not valid UTF-8/]],
    ['two values on a line', '{"a":2,"b":"y"}\n{"a":3,"b":"z"}{"a":4,"b":"w"}\n', [/byte 16/]],
    ['a value over two lines', '{"a":2,"b":"y"}\n{"a":3,\n"b":"z"}\n', [/byte 16/]],
    ['a key that is there twice', '{"a":2,"b":"y"}\n{"a":3,"a":4,"b":"z"}\n', [/byte 16/]],
  ] as const)('JSON lines: %s', async (_what, content, says) => {
    for (const splitBytes of [undefined, 5]) {
      const wanted = { columns: { a: 'BIGINT', b: 'VARCHAR' }, ...(splitBytes === undefined ? {} : { splitBytes }) };
      await refuse(home, [home.file('a.jsonl', content)], { exitCode: 1, code: 'rows.bad', says: [...says, 'limits.maxBadRows'] }, wanted);
    }
  });

  test('text that is not UTF-8', async () => {
    const says = [/a\.txt, byte 2: byte 2 is not valid UTF-8/];
    await refuse(
      home,
      [home.file('a.txt', Buffer.from('x\n\xe9\n', 'latin1'))],
      { exitCode: 1, code: 'rows.bad', says },
      { query: 'SELECT 1::BIGINT AS a, line AS b FROM input' },
    );
  });

  test('the table’s type wins over what the file shows, and what doesn’t fit it is a bad row', async () => {
    await refuse(home, [home.file('a.csv', 'a,b\nx,y\n')], {
      exitCode: 1,
      code: 'rows.bad',
      says: [/byte 4, column 'a': 'x' does not fit BIGINT/],
    });
  });
});

const big = Buffer.from(`a,b\n${Array.from({ length: 20_000 }, (_, i) => `${i},value ${i * 7919}\n`).join('')}`);
const zstd = zstdCompressSync(big, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
const gzip = gzipSync(big);

function flipped(bytes: Uint8Array, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 0x10, at);
  return copy;
}

const damaged = [
  ['truncated in the middle', (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1)],
  ['truncated by one byte', (bytes: Uint8Array) => bytes.subarray(0, -1)],
  ['with a flipped bit in the data', (bytes: Uint8Array) => flipped(bytes, bytes.length - 1000)],
  ['with a flipped bit in its checksum', (bytes: Uint8Array) => flipped(bytes, bytes.length - (bytes[0] === 0x1f ? 8 : 2))],
  ['with something behind its end', (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.from('garbage')])],
  ['with a second part that is cut', (bytes: Uint8Array) => Buffer.concat([bytes, bytes.subarray(0, 100)])],
] as const;

describe.each([
  ['gzip', gzip, 'a.csv.gz'],
  ['zstd', zstd, 'a.csv.zst'],
] as const)('%s', (_what, bytes, name) => {
  test.each(damaged)('%s is input.corrupt, whatever rows came before', async (_how, damage) => {
    await refuse(home, [home.file(name, damage(bytes))], { exitCode: 1, code: 'input.corrupt', says: [name] });
  });
});

const png = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000a49444154789c6300010000050001', 'hex');

describe('a file that is not what its name says, or what no table can hold', () => {
  test.each([
    ['a picture as CSV', 'a.csv', png],
    ['text as gzip', 'a.csv.gz', goodRows],
    ['text as Parquet', 'a.parquet', goodRows],
    ['zip as CSV', 'a.csv', Buffer.from('504b0304140000000800', 'hex')],
    ['UTF-16 as CSV', 'a.csv', Buffer.from(`\ufeff${goodRows}`, 'utf16le')],
    ['CSV as a JSON array', 'a.json', goodRows],
    ['an array as JSON lines', 'a.jsonl', '[{"a":1}]'],
    ['a JSON key without a name', 'a.jsonl', '{"a":1,"":"x"}\n'],
  ])('%s', async (_what, name, content) => {
    const table = await tableWithARow(home);
    const ended = await home.run({ input: [home.file(name, content)], table });
    const code = ended.error?.code ?? '';
    expect(['input.format', 'input.encoding']).toContain(code);
    await expectRefused(home, ended, table, { exitCode: 1, code: code as ErrorCode, says: [name] });
  });

  test('gzip under the name of CSV is read, since nothing is lost by it', async () => {
    const table = await tableWithARow(home);
    expect(await home.run({ input: [home.file('a.csv', gzipSync(goodRows))], table })).toMatchObject({ exitCode: 0 });
    expect(sorted(await tableRows(home.tablePath(table)))).toEqual(
      sorted([
        ['1', 'x'],
        ['2', 'y'],
        ['3', 'z'],
      ]),
    );
  });

  test.each<[string, (bytes: Buffer) => Buffer, ErrorCode, RegExp]>([
    ['cut at its end', (bytes) => bytes.subarray(0, -10), 'input.corrupt', /its end is missing/],
    ['without its last half', (bytes) => bytes.subarray(0, bytes.length >> 1), 'input.corrupt', /its end is missing/],
    [
      'with a damaged footer',
      (bytes) => Buffer.from(bytes).fill(0xff, bytes.length - 60, bytes.length - 8),
      'input.corrupt',
      /its footer can't be read/,
    ],
    ['with damaged data', (bytes) => Buffer.from(bytes).fill(0xff, 40, 400), 'input.corrupt', /Failed to read file ".*a\.parquet"/],
    ['of no bytes', () => Buffer.alloc(0), 'input.format', /it has no bytes/],
    ['that is a picture', () => png, 'input.format', /does not begin with PAR1/],
  ])('Parquet %s is told with the object, what is wrong and what to do', async (_what, damage, code, found) => {
    const path = join(home.folder, 'whole.parquet');
    await runSql(`COPY (SELECT i AS a, 'v' || i AS b FROM range(1000) r(i)) TO ${sqlText(path)} (FORMAT parquet)`);
    const says = [/a\.parquet/, found, /Upload/];
    await refuse(home, [home.file('a.parquet', damage(readFileSync(path)))], { exitCode: 1, code, says });
  });

  test.each([
    ['truncated', '[{"a":2,"b":"y"},{"a":3'],
    ['followed by something', '[{"a":2,"b":"y"}] x'],
    ['followed by another', '[{"a":2,"b":"y"}][{"a":3,"b":"z"}]'],
    ['with a comma missing', '[{"a":2,"b":"y"}{"a":3,"b":"z"}]'],
  ])('a JSON array %s', async (_what, content) => {
    await refuse(home, [home.file('a.json', content)], { exitCode: 1, code: 'input.corrupt', says: [/a\.json/, /byte \d+/] });
  });
});

describe('a file that is not what was planned', () => {
  test.each([
    ['changes between plan and task', (path: string) => writeFileSync(path, 'a,b\n7,y\n'), 'input.changed'],
    [
      'is replaced by another of the same length and time',
      (path: string) => {
        writeFileSync(`${path}.new`, goodRows.replace('3', '4'));
        utimesSync(`${path}.new`, 1_700_000_000, 1_700_000_000);
        renameSync(`${path}.new`, path);
      },
      'input.changed',
    ],
    ['grows', (path: string) => writeFileSync(path, `${goodRows}4,w\n`), 'input.changed'],
    ['vanishes', (path: string) => rmSync(path), 'input.gone'],
  ] as const)('%s', async (_what, change, code) => {
    for (const splitBytes of [undefined, 4]) {
      const path = home.file('a.csv', goodRows);
      utimesSync(path, 1_700_000_000, 1_700_000_000);
      await refuse(
        home,
        [path],
        { exitCode: 1, code, says: [/a\.csv/] },
        { beforeTasks: () => change(path), ...(splitBytes === undefined ? {} : { splitBytes }) },
      );
    }
  });
});
