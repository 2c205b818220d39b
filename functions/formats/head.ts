import { writeFileSync } from 'node:fs';
import { FanlakeError } from '../core/errors.ts';
import type { FormatOptions } from '../core/job.ts';
import { type InputFormat, inputFormats, type LineLayout } from '../core/layout.ts';
import { didYouMean } from '../core/nearest.ts';
import type { Piece } from '../core/piece.ts';
import { checkContent } from './content-check.ts';
import { readCsvHead } from './csv-head.ts';
import type { DialectHints } from './guess-dialect.ts';
import { readJsonHead, readJsonLinesHead } from './json-head.ts';
import type { HeadLayout, ObjectHead } from './object-head.ts';
import { arrayLinesLayout } from './stage-json.ts';
import { stagedLayout } from './stage-text.ts';

/** The head doesn't hold one whole record of the object: call again with a longer one. */
export class HeadTooShort extends Error {
  override readonly name = 'HeadTooShort';

  constructor(key: string, headBytes: number) {
    super(`the first ${headBytes} bytes of '${key}' don't hold one whole record`);
  }
}

const byEnding: Readonly<Record<string, InputFormat>> = {
  csv: 'csv',
  psv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  json: 'json',
  parquet: 'parquet',
  pq: 'parquet',
  txt: 'text',
  log: 'text',
};

/** The ending of a key's name that tells its format, in lower case and without a compression's: `csv` of `a.CSV.gz`; '' for none. */
function endingOf(key: string): string {
  const name = key.slice(key.lastIndexOf('/') + 1).replace(/\.(gz|gzip|zst|zstd)$/i, '');
  const dot = name.lastIndexOf('.');
  return dot < 0 ? '' : name.slice(dot + 1).toLowerCase();
}

/**
 * The format of an object: the job's, else by its name's ending.
 * @throws FanlakeError `input.format` when neither says it
 */
export function formatOf(key: string, options: FormatOptions | undefined): InputFormat {
  if (options !== undefined) return options.type;
  const ending = endingOf(key);
  const format = Object.hasOwn(byEnding, ending) ? byEnding[ending] : undefined;
  if (format !== undefined) return format;
  const endings = Object.keys(byEnding);
  const found =
    ending === '' ? 'its name has no ending' : `its name's ending '.${ending}' is none that is known${didYouMean(ending, endings)}`;
  throw new FanlakeError(
    'input.format',
    `'${key}' has no format: ${found}. Name it with the job's input.format (run: --format): ${inputFormats.join(', ')}.`,
    { key, ending },
  );
}

/**
 * How the bytes of an object are to be read, decided from its head alone.
 * @param hints of another reader, tried where nothing usual fits
 * @throws FanlakeError `input.format` when the format isn't known or the bytes are of another, `input.encoding` for UTF-16 or names that aren't UTF-8
 * @throws HeadTooShort when not one record is whole: call again with a longer head
 */
export function readLayout(object: ObjectHead, hints: DialectHints = {}): HeadLayout {
  const { key, head, options } = object;
  const format = formatOf(key, options);
  checkContent(key, format, head);
  if (format === 'parquet') {
    return { layout: { format, compression: 'none', columns: [] }, headEnd: head.length, sample: new Uint8Array(0), sampleRecords: 0 };
  }
  const found = readTextHead(object, format, hints);
  if (found === null) throw new HeadTooShort(key, head.length);
  return found;
}

function readTextHead(object: ObjectHead, format: Exclude<InputFormat, 'parquet'>, hints: DialectHints): HeadLayout | null {
  const { key, head, compression } = object;
  const bomBytes = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  switch (format) {
    case 'csv':
      return readCsvHead(object, bomBytes, endingOf(key) === 'psv' ? '|' : ',', hints);
    case 'tsv':
      return readCsvHead(object, bomBytes, '\t', hints);
    case 'text': {
      // its one column needs no sample
      const layout: LineLayout = { format, compression, bomBytes, dataStart: bomBytes, keys: [] };
      return { layout, headEnd: head.length, sample: new Uint8Array(0), sampleRecords: 0 };
    }
    case 'jsonl':
      return readJsonLinesHead(object, bomBytes);
    case 'json':
      return readJsonHead(object, bomBytes);
  }
}

/**
 * Writes the sample to a new file and describes it as a piece, from which the engine learns types.
 * @param path in a scratch folder
 */
export function samplePiece(key: string, head: HeadLayout, path: string): Piece {
  writeFileSync(path, head.sample);
  const { layout } = head;
  const sampled = layout.format === 'json' ? arrayLinesLayout(layout) : layout.format === 'parquet' ? layout : stagedLayout(layout);
  return {
    path,
    objectKey: key,
    layout: sampled,
    skipRecords: 0,
    records: head.sampleRecords,
    longestRecordBytes: head.sample.length,
    parallelSafe: false,
  };
}
