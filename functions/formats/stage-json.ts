import { join } from 'node:path';
import { FanlakeError } from '../core/errors.ts';
import type { JsonArrayLayout, LineLayout } from '../core/layout.ts';
import { JsonArrayLines, type JsonArraySummary } from '../core/records/json-values.ts';
import { findLines } from '../core/records/lines.ts';
import { UnknownKeys } from '../core/records/unknown-keys.ts';
import { CheckedSource } from './checked-source.ts';
import { openSource } from './file-source.ts';
import { eachBlock, StagedFile } from './staged-file.ts';
import type { SplitToStage, StagedSplit } from './staged-split.ts';

type JsonProblem = NonNullable<JsonArraySummary['problem']>;

const explanations: Readonly<Record<JsonProblem['fault'], string>> = {
  'not-an-array': 'it does not begin with [',
  'missing-value': 'a value is missing',
  'missing-comma': 'a comma is missing between two values',
  'mismatched-bracket': 'a bracket is closed that was not opened',
  'newline-in-string': 'a string holds a line end',
  'truncated': 'the file ends before the array does',
  'trailing-data': 'something follows the end of the array',
};

export function jsonFault(key: string, problem: JsonProblem): FanlakeError {
  const code = problem.fault === 'not-an-array' ? 'input.format' : 'input.corrupt';
  return new FanlakeError(
    code,
    `'${key}' can't be read as a JSON array: ${explanations[problem.fault]} at byte ${problem.offset}. ` +
      'Upload a complete array of objects, or JSON lines (one object a line).',
    { key, ...problem },
  );
}

/** How the lines that an array is turned into are read. */
export function arrayLinesLayout({ keys }: JsonArrayLayout): LineLayout {
  return { format: 'jsonl', compression: 'none', bomBytes: 0, dataStart: 0, keys };
}

/**
 * Turns a JSON array into a staged file of one value a line. Values keep their place: byte p of the file is byte `dataStart + p` of the array.
 * @throws FanlakeError `input.format`, `input.corrupt` with the offset
 */
export function stageJsonArray(split: SplitToStage, layout: JsonArrayLayout): Omit<StagedSplit, 'link' | 'bytesCovered'> {
  const { bomBytes } = layout;
  if (split.size <= bomBytes) return { pieces: [], records: 0, suspects: false, text: null };
  const path = join(split.scratch, `${split.name}-values`);
  const lines = new JsonArrayLines();
  const source = openSource(split.path, split.size, split.origin);
  const file = new StagedFile(path);
  try {
    eachBlock(source, bomBytes, split.size, (bytes) => {
      lines.push(bytes);
      file.write(bytes);
    });
  } finally {
    file.close();
    source.close();
  }
  const { elements, problem } = lines.finish();
  if (problem !== null) throw jsonFault(split.key, { ...problem, offset: problem.offset + bomBytes });
  return describeLines(split, layout, path, elements);
}

function describeLines(
  split: SplitToStage,
  layout: JsonArrayLayout,
  path: string,
  elements: number,
): Omit<StagedSplit, 'link' | 'bytesCovered'> {
  const origin = layout.bomBytes;
  if (elements === 0) return { pieces: [], records: 0, suspects: false, text: null };
  const { size } = split;
  const file = openSource(path, size, origin);
  try {
    const source = new CheckedSource(file);
    const keys = split.knownKeys === undefined ? null : new UnknownKeys(split.knownKeys);
    const region = findLines(source, { start: origin, end: size }, origin, 'json', (bytes) => keys?.push(bytes));
    if (region.records !== elements || region.from === null) {
      throw new FanlakeError(
        'internal',
        `'${split.key}' has ${elements} values, and ${region.records} lines were made of them. Please report it.`,
      );
    }
    const suspects = source.invalidIn(region.from, region.to) !== null || keys?.metNullLine === true;
    const piece = {
      path,
      objectKey: split.key,
      layout: arrayLinesLayout(layout),
      skipRecords: 0,
      records: elements,
      longestRecordBytes: region.longestLineBytes + 1,
      parallelSafe: true,
      ...(keys === null ? {} : { exactKeys: keys.wholeColumns }),
    } as const;
    const text = { path, origin, size, from: region.from, to: region.to };
    return { pieces: suspects ? [] : [piece], records: elements, suspects, text, ...(keys === null ? {} : { ignored: keys.found }) };
  } finally {
    file.close();
  }
}
