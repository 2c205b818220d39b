import { open } from 'node:fs/promises';
import { type FileMetaData, parquetMetadata } from 'hyparquet';
import type { PartOutput } from '../core/part.ts';
import { bucketColumn } from '../core/staged-query.ts';

/** The end of a Parquet file: the footer's length in four bytes, and the magic (Parquet format, "File Format"). */
const trailerBytes = 8;

/** What a file of part rows says of itself. */
export type PartFile = Pick<PartOutput, 'rows' | 'bytes' | 'groups'>;

/**
 * The row groups of a file that `writePartRows` wrote, from its footer. Read here and not by the engine, of which each question costs a statement.
 * @throws Error for a file that isn't one
 */
export async function partGroups(path: string): Promise<PartFile> {
  const file = await open(path);
  try {
    const { size: bytes } = await file.stat();
    const trailer = await read(file, bytes - trailerBytes, trailerBytes);
    const footerBytes = new DataView(trailer).getUint32(0, true) + trailerBytes;
    const metadata = parquetMetadata(await read(file, bytes - footerBytes, footerBytes));
    const groups = metadata.row_groups.map(groupOf).filter(([, , rows]) => rows > 0);
    return { rows: groups.reduce((sum, [, , rows]) => sum + rows, 0), bytes, groups };
  } finally {
    await file.close();
  }
}

async function read(file: Awaited<ReturnType<typeof open>>, start: number, length: number): Promise<ArrayBuffer> {
  const bytes = new ArrayBuffer(length);
  const { bytesRead } = await file.read(new Uint8Array(bytes), 0, length, start);
  if (bytesRead < length) throw new Error(`the file of part rows ends ${length - bytesRead} bytes too early`);
  return bytes;
}

function groupOf({ columns, num_rows }: FileMetaData['row_groups'][number]): PartOutput['groups'][number] {
  let [start, end] = [Number.POSITIVE_INFINITY, 0];
  let [first, last]: unknown[] = [];
  for (const { meta_data: column } of columns) {
    if (column === undefined) throw new Error('a column of part rows has no metadata');
    // a column without a dictionary has none, or one at 0
    const at = Number(column.dictionary_page_offset || column.data_page_offset);
    start = Math.min(start, at);
    end = Math.max(end, at + Number(column.total_compressed_size));
    if (column.path_in_schema.join('.') === bucketColumn) [first, last] = [column.statistics?.min_value, column.statistics?.max_value];
  }
  if (typeof first !== 'number' || typeof last !== 'number') throw new Error(`a row group of part rows says nothing of ${bucketColumn}`);
  return [first, last, Number(num_rows), start, end];
}
