import { FanlakeError } from '../core/errors.ts';
import type { InputFormat } from '../core/layout.ts';

/** Whether `bytes` begin with `magic`. */
export function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return bytes.length >= magic.length && magic.every((byte, i) => bytes[i] === byte);
}

function isText(byte: number): boolean {
  return byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

const foreign: readonly { readonly name: string; readonly magic: readonly number[]; readonly advice: string }[] = [
  { name: 'a bzip2 file', magic: [0x42, 0x5a, 0x68], advice: 'decompress it first (bunzip2), or compress it with gzip or zstd' },
  {
    name: 'an xz file',
    magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
    advice: 'decompress it first (unxz), or compress it with gzip or zstd',
  },
  { name: 'an LZ4 file', magic: [0x04, 0x22, 0x4d, 0x18], advice: 'decompress it first (unlz4), or compress it with gzip or zstd' },
  { name: 'a zip archive (or an Excel workbook)', magic: [0x50, 0x4b, 0x03, 0x04], advice: 'unpack it, or save the sheet as CSV' },
  { name: 'an old Excel workbook', magic: [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1], advice: 'save the sheet as CSV' },
  { name: 'an Avro file', magic: [0x4f, 0x62, 0x6a, 0x01], advice: 'convert it to Parquet or JSON lines' },
  { name: 'an ORC file', magic: [0x4f, 0x52, 0x43, 0x08], advice: 'convert it to Parquet' },
  { name: 'an Arrow file', magic: [0x41, 0x52, 0x52, 0x4f, 0x57, 0x31, 0x00], advice: 'convert it to Parquet' },
  { name: 'a PDF document', magic: [0x25, 0x50, 0x44, 0x46, 0x2d], advice: 'export its table as CSV' },
];

/** A `.csv` may well begin with the letters of a magic; a file of that kind goes on with bytes that no text has. */
function foreignKind(head: Uint8Array): (typeof foreign)[number] | undefined {
  const found = foreign.find((kind) => startsWith(head, kind.magic));
  if (found === undefined || found.name === 'a PDF document') return found;
  return head.subarray(0, 64).every(isText) ? undefined : found;
}

/** Parquet begins with PAR1 and then a Thrift struct, whose first byte no text has. */
function isParquet(head: Uint8Array): boolean {
  return startsWith(head, [0x50, 0x41, 0x52, 0x31]) && head.length > 4 && !isText(head[4] ?? 0);
}

function isUtf16(head: Uint8Array): boolean {
  if (startsWith(head, [0xff, 0xfe]) || startsWith(head, [0xfe, 0xff])) return true;
  const sample = head.subarray(0, 4096);
  if (sample.length < 8) return false;
  const zeros: [number, number] = [0, 0];
  sample.forEach((byte, i) => {
    if (byte === 0) zeros[i & 1 ? 1 : 0]++;
  });
  const half = sample.length / 2;
  return (zeros[0] > half * 0.7 && zeros[1] < half * 0.05) || (zeros[1] > half * 0.7 && zeros[0] < half * 0.05);
}

/** More than a tenth of the first 4 KB are control characters: no text has that many, though values may hold some, NUL included. */
function isBinary(head: Uint8Array): boolean {
  const sample = head.subarray(0, 4096);
  let control = 0;
  for (const byte of sample) if (!isText(byte) && byte !== 0x1b) control++;
  return control > 8 && control > sample.length / 10;
}

/**
 * Refuses an object whose first bytes can't be those of `format`.
 * @param head its first uncompressed bytes
 * @throws FanlakeError `input.format` for a file that is not what its name or the job says, `input.encoding` for UTF-16
 */
export function checkContent(key: string, format: InputFormat, head: Uint8Array): void {
  if (head.length === 0) return;
  const fail = (what: string, advice: string): never => {
    throw new FanlakeError('input.format', `'${key}' can't be read as ${format}: it is ${what}. ${advice}`, { key, format });
  };
  const other = foreignKind(head);
  if (other !== undefined) fail(other.name, `${other.advice[0]?.toUpperCase() ?? ''}${other.advice.slice(1)}.`);
  if (format === 'parquet') {
    if (!startsWith(head, [0x50, 0x41, 0x52, 0x31])) {
      fail(
        'not a Parquet file (it does not begin with PAR1)',
        'Upload a Parquet file, or name the format with input.format (run: --format).',
      );
    }
    return;
  }
  if (isParquet(head)) fail('a Parquet file', "Name it .parquet, or give the job's input.format as 'parquet'.");
  if (isUtf16(head)) {
    throw new FanlakeError(
      'input.encoding',
      `'${key}' can't be read as ${format}: it is UTF-16. Convert it to UTF-8: iconv -f utf-16 -t utf-8 <file> > <new file>.`,
      { key, format },
    );
  }
  if (isBinary(head))
    fail('not text (many control characters)', 'Upload a text file, or name the format with input.format (run: --format).');
}
