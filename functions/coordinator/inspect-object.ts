import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { InspectedObject, Inspector } from '../core/inspector.ts';
import type { Job } from '../core/job.ts';
import type { Column, Layout } from '../core/layout.ts';
import type { ObjectStore, ObjectVersion } from '../core/ports.ts';
import { detectCompression, expandHead } from '../formats/compression.ts';
import { formatOf, HeadTooShort, readLayout, samplePiece } from '../formats/head.ts';
import type { HeadLayout, ObjectHead } from '../formats/object-head.ts';
import { stageFooter } from './stage-footer.ts';
import { explainParquet } from './unreadable-parquet.ts';

/** Read of each object to see its header and dialect; more when a record is longer. */
const firstHeadBytes = 256 * 1024;
/** Read of an object whose types are to be learned. */
const sampleHeadBytes = 1024 * 1024;
const longestHeadBytes = 256 * 1024 * 1024;

export interface InspectTools {
  readonly landing: ObjectStore;
  readonly inspector: Inspector;
  /** A folder for samples. */
  readonly scratch: string;
}

/**
 * Decides how an object is read, from its head.
 * @param learnTypes whether its types are wanted too
 * @param knownNames of columns, in lower case, that the job declares or other objects' headers have: a first record of these is a header
 * @throws FanlakeError `input.*`
 */
export async function inspectObject(
  tools: InspectTools,
  job: Job,
  object: ObjectVersion,
  learnTypes: boolean,
  knownNames: ReadonlySet<string>,
): Promise<InspectedObject> {
  if (formatOf(object.key, job.input.format) === 'parquet') return inspectParquet(tools, job, object);
  let headBytes = learnTypes ? sampleHeadBytes : firstHeadBytes;
  for (;;) {
    try {
      return await inspectText(tools, job, object, { headBytes, learnTypes, knownNames });
    } catch (thrown) {
      if (!(thrown instanceof HeadTooShort) || headBytes >= longestHeadBytes) throw thrown;
      headBytes *= 8;
    }
  }
}

async function inspectText(
  { landing, inspector, scratch }: InspectTools,
  job: Job,
  object: ObjectVersion,
  { headBytes, learnTypes, knownNames }: { headBytes: number; learnTypes: boolean; knownNames: ReadonlySet<string> },
): Promise<InspectedObject> {
  const { format: options } = job.input;
  const stored = await landing.read(object, { start: 0, end: Math.min(headBytes, object.size) });
  const compression = detectCompression(object.key, stored, options?.compression);
  const head = compression === 'none' ? stored : await expandHead(object.key, stored, compression, headBytes);
  // more compressed bytes may be behind these even where all of them were read: only a short plain object is known to be complete
  const complete = stored.length === object.size && (compression === 'none' || head.length < headBytes);
  const found = layoutWithHeader({ key: object.key, head, complete, compression, options }, knownNames);
  const empty = complete && holdsNothing(head, found.layout);
  const named: HeadLayout = { ...found, layout: withDeclaredNames(found.layout, job) };
  if (empty || !learnTypes || named.layout.format === 'text')
    return { layout: named.layout, columns: textColumns(named.layout, job), empty };
  // uploads are planned side by side
  const folder = join(scratch, `sample-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    const piece = samplePiece(object.key, named, join(folder, `head-${object.size}`));
    return { layout: named.layout, columns: await inspector.inferColumns(piece), empty };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The layout, with a header where the first record has known names only, though it looks like data. */
function layoutWithHeader(object: ObjectHead, knownNames: ReadonlySet<string>): HeadLayout {
  const found = readLayout(object);
  const { layout } = found;
  if (layout.format !== 'csv' || layout.header || object.options?.header !== undefined || knownNames.size === 0) return found;
  const headed = readLayout({ ...object, options: { ...object.options, type: object.options?.type ?? 'csv', header: true } });
  const isKnown = headed.layout.format === 'csv' && headed.layout.fields.every((name) => knownNames.has(name.toLowerCase()));
  return isKnown && headed.layout.format === 'csv' && headed.layout.fields.length > 0 ? headed : found;
}

/** Whether nothing but white space stands behind the header, or between the brackets of a JSON array. */
function holdsNothing(head: Uint8Array, layout: Layout): boolean {
  const start = layout.format === 'parquet' ? 0 : layout.dataStart;
  const text = Buffer.from(head.subarray(start)).toString('latin1');
  if (layout.format === 'json') return /^\s*(\[\s*\]\s*)?$/.test(text);
  return layout.format === 'text' || isOneColumn(layout) ? text === '' : /^\s*$/.test(text);
}

/** In a file of one column a blank line is a row. */
const isOneColumn = (layout: Layout): boolean => layout.format === 'csv' && layout.fields.length === 1;

/**
 * Text lines have no types to learn. `line_number` is there for a query that names it: as a column of every text it would make a split impossible,
 * since only an object's first split knows its line numbers.
 */
function textColumns(layout: Layout, job: Job): readonly Column[] | null {
  if (layout.format !== 'text') return null;
  const line = { name: 'line', type: 'VARCHAR' };
  return /\bline_number\b/i.test(job.query) ? [line, { name: 'line_number', type: 'BIGINT' }] : [line];
}

/** A file without a header gets the names that the job declares, by position. */
function withDeclaredNames(layout: Layout, job: Job): Layout {
  const declared = Object.keys(job.input.columns ?? {});
  if (layout.format !== 'csv' || layout.header || declared.length !== layout.fields.length) return layout;
  return { ...layout, fields: declared };
}

async function inspectParquet({ landing, inspector, scratch }: InspectTools, job: Job, object: ObjectVersion): Promise<InspectedObject> {
  const file = await stageFooter(landing, object, scratch);
  try {
    const columns = await inspector.parquetColumns(file.path).catch(async (thrown: unknown) => {
      throw await explainParquet(landing, object, thrown);
    });
    return {
      layout: { format: 'parquet', compression: 'none', columns },
      columns: job.input.columns === undefined ? columns : null,
      empty: false,
    };
  } finally {
    await file.release();
  }
}
