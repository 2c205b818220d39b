import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { checkChain, type TaskLink } from '../../../functions/core/chain.ts';
import type { FormatOptions } from '../../../functions/core/job.ts';
import type { CsvLayout } from '../../../functions/core/layout.ts';
import type { Piece } from '../../../functions/core/piece.ts';
import { splitObject } from '../../../functions/core/split.ts';
import { detectCompression, expandHead } from '../../../functions/formats/compression.ts';
import { readLayout } from '../../../functions/formats/head.ts';
import type { HeadLayout } from '../../../functions/formats/object-head.ts';
import { stageSplit } from '../../../functions/formats/stage-split.ts';
import type { SplitToStage, StagedSplit } from '../../../functions/formats/staged-split.ts';

/** A folder with one object in it, and a scratch folder beside it. */
export class Workplace {
  readonly folder = mkdtempSync(join(tmpdir(), 'fanlake-formats-'));
  private counter = 0;

  file(bytes: Uint8Array | string): string {
    const path = join(this.folder, `object-${this.counter++}`);
    writeFileSync(path, bytes);
    return path;
  }

  nextName(): string {
    return `s${this.counter++}`;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The layout of an object that is read as a whole. */
export async function layoutOf(key: string, bytes: Uint8Array, options?: FormatOptions): Promise<HeadLayout> {
  const compression = detectCompression(key, bytes, options?.compression);
  const head = await expandHead(key, bytes, compression, 1 << 22);
  return readLayout({ key, head, complete: true, compression, options });
}

export interface StagedObject {
  readonly splits: readonly SplitToStage[];
  readonly staged: readonly StagedSplit[];
  readonly head: HeadLayout;
}

export interface StageOptions {
  readonly key?: string;
  readonly options?: FormatOptions;
  readonly splitBytes?: number | null;
  readonly threads?: number;
  readonly forms?: SplitToStage['forms'];
  readonly keptFields?: readonly number[];
}

/** Stages all splits of an object, mends wrong guesses as the chain tells, and throws when links or bytes don't cover it. */
export async function stageObject(place: Workplace, content: Uint8Array | string, how: StageOptions = {}): Promise<StagedObject> {
  const { key = 'a.csv', splitBytes = null, threads = 2 } = how;
  const bytes = Buffer.from(content);
  const path = place.file(bytes);
  const head = await layoutOf(key, bytes, how.options);
  const ranges = [...splitObject({ size: bytes.length }, head.layout, splitBytes)];
  const toSplit = (range: (typeof ranges)[number], exactFrom: number | null): SplitToStage => ({
    path,
    size: bytes.length,
    key,
    layout: head.layout,
    range,
    exactFrom,
    scratch: place.folder,
    name: place.nextName(),
    threads,
    wholeObject: ranges.length === 1,
    ...(how.forms === undefined ? {} : { forms: how.forms }),
    ...(how.keptFields === undefined ? {} : { keptFields: how.keptFields }),
  });
  const splits = ranges.map((range) => toSplit(range, null));
  const staged = await Promise.all(splits.map((split) => stageSplit(split)));
  for (let epoch = 0; ; epoch++) {
    const links = staged.map(({ link }, task): TaskLink => ({ ...link, task }));
    const verdict = checkChain(links);
    if (verdict.kind === 'whole') break;
    if (verdict.kind !== 'broken' || epoch > splits.length)
      throw new Error(`the chain doesn't close: ${JSON.stringify({ verdict, links })}`);
    for (const { task, from } of verdict.links) {
      const split = toSplit(ranges[task] ?? { start: 0, end: 0 }, from);
      splits[task] = split;
      staged[task] = await stageSplit(split);
    }
  }
  const covered = staged.reduce((sum, { bytesCovered }) => sum + bytesCovered, 0);
  if (covered !== bytes.length) throw new Error(`${covered} of ${bytes.length} bytes covered`);
  return { splits, staged, head };
}

export function piecesOf(object: StagedObject): readonly Piece[] {
  return object.staged.flatMap(({ pieces }) => pieces);
}

export function recordsOf(object: StagedObject): number {
  return object.staged.reduce((sum, { records }) => sum + records, 0);
}

/** The bytes of all pieces, one after the other. */
export function bytesOf(pieces: readonly Piece[]): Buffer {
  return Buffer.concat(pieces.map((piece) => readFileSync(piece.path)));
}

const instance = await DuckDBInstance.create(':memory:');
const connection = await instance.connect();

function text(value: string): string {
  return value === '' ? "''" : [...value].map((char) => `chr(${char.codePointAt(0) ?? 0})`).join(' || ');
}

/**
 * The rows that DuckDB reads from CSV files with everything given, all columns as text. Strict mode is its default; given explicitly with CRLF, it
 * loses rows (DuckDB 1.5.5).
 */
export async function duckRows(
  paths: readonly string[],
  layout: CsvLayout,
  skip: number,
  parallel = false,
): Promise<readonly (readonly unknown[])[]> {
  if (paths.length === 0) return [];
  const { dialect, fields } = layout;
  const columns = fields.map((_, i) => `'f${i}': 'VARCHAR'`).join(', ');
  const newline = dialect.newline.replace('\r', '\\r').replace('\n', '\\n');
  const read = `read_csv([${paths.map((path) => `'${path}'`).join(', ')}], auto_detect = false, header = false, columns = {${columns}}, skip = ${skip},
    delim = ${text(dialect.delimiter)}, quote = ${text(dialect.quote)}, escape = ${text(dialect.escape)}, comment = ${text(dialect.comment)},
    new_line = '${newline}', nullstr = [${layout.nullStrings.map(text).join(', ')}], allow_quoted_nulls = false,
    parallel = ${parallel}, max_line_size = 120000000, buffer_size = 240000000)`;
  // the client's decoder drops a byte order mark at the start of a string
  const marked = fields.map((_, i) => `'x' || f${i}`).join(', ');
  const rows = (await connection.runAndReadAll(`SELECT ${marked} FROM ${read}`)).getRowsJS();
  return rows.map((row) => row.map((value) => (typeof value === 'string' ? value.slice(1) : value)));
}

/** The rows of CSV pieces of one object in their order. */
export async function pieceRows(pieces: readonly Piece[]): Promise<readonly (readonly unknown[])[]> {
  const [first] = pieces;
  if (first === undefined) return [];
  const { layout, skipRecords } = first;
  if (layout.format !== 'csv' || pieces.some((piece) => piece.skipRecords !== skipRecords)) throw new Error('pieces of several kinds');
  return duckRows(
    pieces.map(({ path }) => path),
    layout,
    skipRecords,
    pieces.every(({ parallelSafe }) => parallelSafe),
  );
}
