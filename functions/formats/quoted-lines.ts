import type { CsvLayout } from '../core/layout.ts';
import type { ByteSource } from '../core/records/byte-source.ts';
import { eachBlock, StagedFile } from './staged-file.ts';

/**
 * How lines of text are staged when they hold what the engine's reader of lines can't take, a carriage return above all: as CSV of one column, each
 * line in quotes.
 */
export const quotedLinesLayout: CsvLayout = {
  format: 'csv',
  compression: 'none',
  bomBytes: 0,
  dataStart: 0,
  dialect: { delimiter: ',', quote: '"', escape: '"', comment: '', newline: '\n' },
  fields: ['line'],
  header: false,
  nullStrings: [''],
};

/** One line (without its LF; bytes as Latin-1) in quotes. A CR at its end is part of the line end. */
export function quoteLine(line: string): string {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  return `"${text.replaceAll('"', '""')}"\n`;
}

/** Writes the lines of `[from, to)`, each in quotes, to a new file. */
export function stageQuotedLines(source: ByteSource, from: number, to: number, path: string): void {
  const file = new StagedFile(path);
  let tail = '';
  try {
    eachBlock(source, from, to, (bytes) => {
      // Latin-1 keeps every byte as it is, also where a block cuts a character
      const lines = (tail + bytes.toString('latin1')).split('\n');
      tail = lines.pop() ?? '';
      file.write(Buffer.from(lines.map(quoteLine).join(''), 'latin1'));
    });
    if (tail !== '') file.write(Buffer.from(quoteLine(tail), 'latin1'));
  } finally {
    file.close();
  }
}
