import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { FanlakeError } from '../../../functions/core/errors.ts';
import { parseJob } from '../../../functions/core/job.ts';
import type { CsvLayout, Layout } from '../../../functions/core/layout.ts';
import { type Plan, planFormat } from '../../../functions/core/plan.ts';
import type { ByteRange, ObjectVersion, StagedFile } from '../../../functions/core/ports.ts';
import { unplannable } from '../../../functions/core/unplannable.ts';
import { stageSplit } from '../../../functions/formats/stage-split.ts';
import type { SplitToStage, StagedSplit } from '../../../functions/formats/staged-split.ts';
import { fetchSplit, stageFetched } from '../../../functions/worker/fetch-split.ts';

const root = mkdtempSync(join(tmpdir(), 'fanlake-fetch-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const dialect = { delimiter: ',', quote: '"', escape: '"', comment: '', newline: '\n' } as const;
const csv: CsvLayout = {
  format: 'csv',
  compression: 'none',
  bomBytes: 0,
  dataStart: 4,
  dialect,
  header: true,
  fields: ['a', 'b'],
  nullStrings: [''],
} as CsvLayout;
const lines: Layout = { format: 'text', compression: 'none', bomBytes: 0, dataStart: 0 } as Layout;

let files = 0;

/** A remote object's file: it holds what was asked for, and of what is asked for later only a few bytes more each time. */
function rangedFile(text: Buffer, start: number, end: number): StagedFile {
  const path = join(root, `ranged-${files++}`);
  writeFileSync(path, text.subarray(start, end));
  return {
    path,
    origin: start,
    length: end - start,
    extend: async (range: ByteRange) => rangedFile(text, Math.max(range.start, start - 3, 0), Math.min(range.end, end + 3, text.length)),
    release: async () => rmSync(path),
  };
}

function splitOf(text: Buffer, layout: Layout, range: ByteRange, path: string, origin: number): SplitToStage {
  const scratch = mkdtempSync(join(root, 'scratch-'));
  return { path, origin, size: text.length, key: 'k', layout, range, exactFrom: null, scratch, name: 's', threads: 1, wholeObject: false };
}

/** What must be the same whichever bytes are there at first. */
const outcome = ({ pieces, text, ...staged }: StagedSplit) => ({
  ...staged,
  place: text === null ? null : [text.from, text.to],
  contents: pieces.map(({ path, objectKey, skipRecords, records }) => [readFileSync(path, 'latin1'), objectKey, skipRecords, records]),
});

async function expectSameStaging(source: string, layout: Layout, splitBytes: number): Promise<void> {
  const text = Buffer.from(source, 'latin1');
  const whole = join(root, `whole-${files++}`);
  writeFileSync(whole, text);
  for (let start = 0; start < text.length; start += splitBytes) {
    const range = { start, end: Math.min(text.length, start + splitBytes) };
    const expected = await stageSplit(splitOf(text, layout, range, whole, 0));
    const file = rangedFile(text, range.start, range.end);
    const { staged } = await stageFetched({ split: splitOf(text, layout, range, file.path, file.origin), file });
    expect(outcome(staged)).toEqual(outcome(expected));
  }
}

describe('a split of which only its own bytes were fetched', () => {
  it('is staged as with the whole object at hand, whatever the text', async () => {
    const piece = fc.constantFrom('"', '""', ',', '\n', '\r\n', 'x', '1,2\n', '"a\nb",c\n', 'long text without an end ', '\xe9');
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 1, max: 50 }), async (pieces, splitBytes) => {
        await expectSameStaging(`a,b\n${pieces.join('')}`, csv, splitBytes);
        await expectSameStaging(pieces.join(''), lines, splitBytes);
      }),
      { numRuns: 150 },
    );
  });

  it('has its last record whole, however long that is', async () => {
    const source = `a,b\n1,"${'x\n'.repeat(200)}"\n2,y\n`;
    await expectSameStaging(source, csv, 10);
    await expectSameStaging(source, csv, 400);
  });
});

it('of a large object is fetched with little around it', async () => {
  const store = new LocalStore(join(root, 'store'), { durable: false });
  const object: ObjectVersion = await store.put('k', 'a,b\n1,2\n');
  const asked: ByteRange[] = [];
  const landing = Object.assign(Object.create(store) as LocalStore, {
    stage: async (_object: ObjectVersion, range: ByteRange) => {
      asked.push(range);
      return rangedFile(Buffer.from('a,b\n1,2\n'), 0, 8);
    },
  });
  const job = parseJob({ name: 'a', input: {}, table: { name: 'a' } });
  const draft = unplannable({ job, run: 'a-1', epoch: 0, table: 'a', objects: [object] }, new FanlakeError('internal', ''));
  const plan: Plan = {
    ...draft,
    format: planFormat,
    nonce: 'n',
    createdMs: 0,
    tasks: 1,
    inline: null,
    requests: {},
    layouts: [csv, { ...csv, compression: 'gzip' }],
  };
  const options = { landing, scratch: root, name: 's', threads: 1 };
  const large = { ...object, size: 10 * 2 ** 30 };
  const [start, end] = [2 ** 30, 2 ** 30 + 2 ** 28];
  await fetchSplit(plan, { object: large, layout: 0, start, end }, options);
  await fetchSplit(plan, { object: large, layout: 1, start: 0, end: large.size }, options);
  const [csvRange, gzipRange] = asked;
  expect(csvRange?.start).toBeLessThan(start);
  expect(csvRange?.end).toBeGreaterThan(end);
  expect((csvRange?.end ?? 0) - (csvRange?.start ?? 0)).toBeLessThan(2 ** 28 * 1.01);
  expect(gzipRange).toEqual({ start: 0, end: large.size });
});
