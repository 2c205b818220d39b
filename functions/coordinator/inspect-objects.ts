import type { InspectedObject } from '../core/inspector.ts';
import type { Job } from '../core/job.ts';
import type { Column, Layout } from '../core/layout.ts';
import type { ObjectVersion } from '../core/ports.ts';
import { declaresAll } from './input-columns.ts';
import { type InspectTools, inspectObject } from './inspect-object.ts';
import { type Sample, type TypeClash, typeClashes } from './type-clashes.ts';

/** Objects whose types are learned; the others must fit what these show. */
const sampledObjects = 10;
/** Objects whose heads are read at once: 256 KiB each, and more where a record is longer. */
const inspectedAtOnce = 16;

/** An object with the number of its layout. */
export interface LaidOut {
  readonly object: ObjectVersion;
  readonly layout: number;
}

export interface InspectedObjects {
  /** Each once. */
  readonly layouts: readonly Layout[];
  /** In the objects' order. */
  readonly laidOut: readonly LaidOut[];
  /** One list of columns for all that were sampled. */
  readonly learned: readonly Column[];
  readonly clashes: readonly TypeClash[];
  /** Whether all of them are surely without a row. */
  readonly empty: boolean;
}

/**
 * Decides how each object is read, and learns types from the first of them.
 * @throws FanlakeError `input.*` for the first object that can't be read
 */
export async function inspectObjects(tools: InspectTools, job: Job, objects: readonly ObjectVersion[]): Promise<InspectedObjects> {
  const inspection = new Inspection(tools, job);
  for (const group of inGroups(objects)) await inspection.add(group);
  return inspection.result();
}

/** The first objects one by one, since each may tell how the next is to be read; then many at once, for a remote store takes its time for each. */
function* inGroups(objects: readonly ObjectVersion[]): Generator<readonly ObjectVersion[]> {
  let start = 0;
  while (start < objects.length) {
    const end = start < sampledObjects ? start + 1 : start + inspectedAtOnce;
    yield objects.slice(start, end);
    start = end;
  }
}

/** What the objects so far have shown. */
class Inspection {
  private readonly tools: InspectTools;
  private readonly job: Job;
  private readonly numbers = new Map<string, number>();
  private readonly layouts: Layout[] = [];
  private readonly laidOut: LaidOut[] = [];
  private readonly samples: Sample[] = [];
  private readonly knownNames: Set<string>;
  private empty = true;

  constructor(tools: InspectTools, job: Job) {
    this.tools = tools;
    this.job = job;
    this.knownNames = new Set(Object.keys(job.input.columns ?? {}).map((name) => name.toLowerCase()));
  }

  async add(group: readonly ObjectVersion[]): Promise<void> {
    // an empty object shows nothing: a later one is sampled instead
    const learns = this.job.input.columns === undefined && this.samples.length < sampledObjects;
    const looks = await Promise.allSettled(group.map((object) => this.inspect(object, learns && object.size > 0)));
    for (const [index, look] of looks.entries()) {
      const object = group[index];
      if (object === undefined) continue;
      if (look.status === 'rejected') throw look.reason;
      this.take(object, (await this.betterLook(object, look.value, learns)) ?? look.value);
    }
  }

  async result(): Promise<InspectedObjects> {
    const { layouts, laidOut, samples, empty } = this;
    const learned =
      samples.length > 1 ? await this.tools.inspector.unify(samples.map(({ columns }) => columns)) : (samples[0]?.columns ?? []);
    return { layouts, laidOut, learned, clashes: typeClashes(samples, learned), empty };
  }

  private inspect(object: ObjectVersion, learnTypes: boolean): Promise<InspectedObject> {
    return inspectObject(this.tools, this.job, object, learnTypes, this.knownNames);
  }

  /** One that learns its types: some of its columns aren't declared. */
  private async betterLook(object: ObjectVersion, { layout }: InspectedObject, learned: boolean): Promise<InspectedObject | null> {
    if (learned || object.size === 0 || this.samples.length >= sampledObjects || declaresAll(this.job, layout)) return null;
    return this.inspect(object, true);
  }

  private take(object: ObjectVersion, { layout, columns, empty }: InspectedObject): void {
    this.empty &&= empty;
    if (layout.format === 'csv' && layout.header) for (const name of layout.fields) this.knownNames.add(name.toLowerCase());
    if (columns !== null && columns.length > 0 && this.samples.length < sampledObjects) this.samples.push({ key: object.key, columns });
    const text = JSON.stringify(layout);
    const known = this.numbers.get(text) ?? this.layouts.push(layout) - 1;
    this.numbers.set(text, known);
    this.laidOut.push({ object, layout: known });
  }
}
