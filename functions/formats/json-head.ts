import { FanlakeError } from '../core/errors.ts';
import type { JsonArrayLayout, LineLayout } from '../core/layout.ts';
import { JsonArrayLines } from '../core/records/json-values.ts';
import { keysOfLines } from './json-keys.ts';
import type { HeadLayout, ObjectHead } from './object-head.ts';
import { jsonFault } from './stage-json.ts';

const lineFeed = 0x0a;

/** Position of the first byte from `start` on that isn't white space, or -1. */
function firstMark(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && [0x20, 0x09, 0x0a, 0x0d].includes(bytes[at] ?? 0)) at += 1;
  return at < bytes.length ? at : -1;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** One JSON object a line. Null when no line is whole. */
export function readJsonLinesHead(object: ObjectHead, bomBytes: 0 | 3): HeadLayout | null {
  const { key, head, complete, compression } = object;
  const mark = firstMark(head, bomBytes);
  if (head[mark] === 0x5b) {
    throw new FanlakeError(
      'input.format',
      `'${key}' can't be read as JSON lines: it begins with [. If it is an array of objects, name it .json or say so: input.format, or --format json.`,
      { key },
    );
  }
  const headEnd = complete ? head.length : head.lastIndexOf(lineFeed) + 1;
  if (headEnd === 0 && !complete) return null;
  const lines = linesOf(head.subarray(bomBytes, headEnd));
  const layout: LineLayout = { format: 'jsonl', compression, bomBytes, dataStart: bomBytes, keys: keysOfLines(key, lines) };
  return { layout, headEnd, ...sampleOf(lines) };
}

/** Without the lines that aren't valid: the engine is to learn types from the others. */
function linesOf(bytes: Uint8Array): readonly string[] {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  return text.split('\n').filter((line) => isJson(line));
}

function sampleOf(lines: readonly string[]): Pick<HeadLayout, 'sample' | 'sampleRecords'> {
  return { sample: Buffer.from(lines.map((line) => `${line}\n`).join('')), sampleRecords: lines.length };
}

/** A `.json` file: an array of objects; or JSON lines, whose first line is a whole value. Null when no value is whole. */
export function readJsonHead(object: ObjectHead, bomBytes: 0 | 3): HeadLayout | null {
  const { key, head, complete, compression } = object;
  const mark = firstMark(head, bomBytes);
  if (head[mark] === 0x7b) {
    const lineEnd = head.indexOf(lineFeed, mark);
    if (lineEnd < 0 && !complete) return null;
    const line = Buffer.from(head.subarray(mark, lineEnd < 0 ? head.length : lineEnd)).toString();
    if (isJson(line)) return readJsonLinesHead(object, bomBytes);
    throw new FanlakeError(
      'input.format',
      `'${key}' can't be read as JSON: it is neither an array of objects nor JSON lines (its first line is not a whole object). ` +
        'Put the objects into an array, or each on one line.',
      { key, offset: mark },
    );
  }
  const base = { format: 'json', compression, bomBytes, dataStart: bomBytes } as const;
  const empty = { layout: { ...base, keys: [] }, sample: new Uint8Array(0), sampleRecords: 0 };
  if (mark < 0 && complete) return { ...empty, headEnd: head.length };
  const values = Uint8Array.from(head.subarray(bomBytes));
  const lines = new JsonArrayLines();
  lines.push(values);
  const { problem } = lines.finish();
  if (problem !== null && (complete || problem.offset < values.length)) {
    throw jsonFault(key, { ...problem, offset: problem.offset + bomBytes });
  }
  const end = complete ? values.length : values.lastIndexOf(lineFeed) + 1;
  if (end === 0 && !complete) return null;
  const found = linesOf(values.subarray(0, end));
  const layout: JsonArrayLayout = { ...base, keys: keysOfLines(key, found) };
  return { layout, headEnd: bomBytes + end, ...sampleOf(found) };
}
