import type { DeltaRow } from '../delta-rs.ts';

/** A query with every type that a table can hold: edges, ordinary values, and a row of NULLs. */
export const everyType = `
  SELECT * FROM (VALUES
    (1, true, (-128)::TINYINT, (-32768)::SMALLINT, (-2147483648)::INTEGER, (-9223372036854775808)::BIGINT,
     255::UTINYINT, 65535::USMALLINT, 4294967295::UINTEGER, 18446744073709551615::UBIGINT,
     0.1::FLOAT, 0.1::DOUBLE, 1.500::DECIMAL(18,3), 12345678901234567890123456789012345678::DECIMAL(38,0),
     'naïve ☃ 😀' || chr(0), '\\x00\\xFF'::BLOB, DATE '1969-12-31', TIMESTAMPTZ '2020-01-31 23:59:59.999999+00',
     TIMESTAMP '2020-06-30 12:00:00.000001', TIMESTAMP_S '2020-06-30 12:00:00', TIMESTAMP_MS '2020-06-30 12:00:00.123',
     TIME '01:02:03.000004', '{"a": [1, null]}'::JSON, 'b'::ENUM('a', 'b'), '00000000-0000-0000-0000-00000000000a'::UUID,
     [1, NULL, 3], [1.5::FLOAT, 2.5]::FLOAT[2], {'x': 1, 'y': {'t': TIMESTAMP '2020-01-01', 'l': ['a', 'b']}},
     MAP {'k': 1::UTINYINT, 'l': NULL}, [{'u': 1::UBIGINT}]),
    (2, false, 127, 32767, 2147483647, 9223372036854775807,
     0, 0, 0, 0,
     'inf', 'nan', -0.001, -12345678901234567890123456789012345678,
     '', '', DATE '9999-12-31', TIMESTAMPTZ '0001-01-01 00:00:00+00',
     TIMESTAMP '1969-12-31 23:59:59.999999', TIMESTAMP_S '1900-01-01 00:00:00', TIMESTAMP_MS '1900-01-01 00:00:00.001',
     TIME '23:59:59', 'null', 'a', 'ffffffff-ffff-ffff-ffff-ffffffffffff',
     [], [-1, 0], {'x': NULL, 'y': NULL}, MAP {}, [NULL])
  ) t(id, bo, ti, sm, i, bi, uti, usm, ui, ubi, fl, dou, de, big, s, bl, d, ttz, ts, ts_s, ts_ms, tm, js, en, uu, li, ar, st, ma, deep)
  UNION ALL BY NAME SELECT 3 AS id`;

/** What `everyType` is for delta-rs (see `DeltaAnswer` for the texts), by id. Written by hand from the literals above. */
export const everyTypeRows: readonly DeltaRow[] = [
  {
    id: 1,
    bo: true,
    ti: -128,
    sm: -32768,
    i: -2147483648,
    bi: '-9223372036854775808',
    uti: 255,
    usm: 65535,
    ui: '4294967295',
    ubi: '18446744073709551615',
    // 0.1 as a 32-bit number
    fl: 13421773 / 2 ** 27,
    dou: 0.1,
    de: '1.500',
    big: '12345678901234567890123456789012345678',
    s: 'naïve ☃ 😀\0',
    bl: '00ff',
    d: '1969-12-31',
    ttz: '2020-01-31T23:59:59.999999+00:00',
    ts: '2020-06-30T12:00:00.000001+00:00',
    ts_s: '2020-06-30T12:00:00.000000+00:00',
    ts_ms: '2020-06-30T12:00:00.123000+00:00',
    tm: '01:02:03.000004',
    js: '{"a": [1, null]}',
    en: 'b',
    uu: '00000000-0000-0000-0000-00000000000a',
    li: [1, null, 3],
    ar: [1.5, 2.5],
    st: { x: 1, y: { t: '2020-01-01T00:00:00.000000+00:00', l: ['a', 'b'] } },
    ma: [
      ['k', 1],
      ['l', null],
    ],
    deep: [{ u: '1' }],
  },
  {
    id: 2,
    bo: false,
    ti: 127,
    sm: 32767,
    i: 2147483647,
    bi: '9223372036854775807',
    uti: 0,
    usm: 0,
    ui: '0',
    ubi: '0',
    fl: 'inf',
    dou: 'nan',
    de: '-0.001',
    big: '-12345678901234567890123456789012345678',
    s: '',
    bl: '',
    d: '9999-12-31',
    ttz: '0001-01-01T00:00:00.000000+00:00',
    ts: '1969-12-31T23:59:59.999999+00:00',
    ts_s: '1900-01-01T00:00:00.000000+00:00',
    ts_ms: '1900-01-01T00:00:00.001000+00:00',
    tm: '23:59:59',
    js: 'null',
    en: 'a',
    uu: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    li: [],
    ar: [-1, 0],
    st: { x: null, y: null },
    ma: [],
    deep: [null],
  },
  {
    id: 3,
    ...Object.fromEntries(
      'bo ti sm i bi uti usm ui ubi fl dou de big s bl d ttz ts ts_s ts_ms tm js en uu li ar st ma deep'
        .split(' ')
        .map((name) => [name, null]),
    ),
  },
];
