import type { CsvLayout } from '../core/layout.ts';
import type { Piece } from '../core/piece.ts';
import type { ByteSource } from '../core/records/byte-source.ts';
import { FieldForms, isProjectable } from '../core/records/field-forms.ts';
import { readRange } from './file-source.ts';
import { eachBlock, StagedFile } from './staged-file.ts';
import type { SplitToStage } from './staged-split.ts';

/** Below this the engine is as fast with all fields. */
export const worthProjectingBytes = 8 << 20;
/** So much at the records' start tells what a projection is worth. */
const sampleBytes = 64 << 10;
/** A larger share of the bytes is as fast read where it lies. */
const mostShare = 0.5;
/** Of scratch space that nobody needs otherwise. */
const mostCopiedBytes = 2 ** 31;
/** The name of the field behind those that are kept: no column has it. */
const endFieldName = '\0';

/** The fields to keep and the forms to look for, of a split of which some fields need no more than a look. */
interface ToProject {
  readonly layout: CsvLayout;
  readonly forms: NonNullable<SplitToStage['forms']>;
  readonly kept: readonly number[];
}

function toProject({ layout, forms, keptFields: kept }: SplitToStage): ToProject | null {
  if (layout.format !== 'csv' || forms === undefined || kept === undefined) return null;
  return kept.length < layout.fields.length && isProjectable(layout.dialect, layout.fields.length) ? { layout, forms, kept } : null;
}

/**
 * Whether the engine is faster with the fields that it needs alone: where they are a small part of many bytes, and the first records are as they should be.
 * @param from a record's start @param to the end of the records, about
 */
export function isWorthProjecting(source: ByteSource, split: SplitToStage, from: number, to: number): boolean {
  const project = toProject(split);
  if (project === null || to - from < (split.projectBytes ?? worthProjectingBytes)) return false;
  const sampled = Math.min(sampleBytes, to - from);
  let projected = 0;
  const forms = new FieldForms(project.layout.dialect, project.forms, { kept: project.kept, take: ({ length }) => (projected += length) });
  forms.push(readRange(source, from, from + sampled));
  const share = projected / sampled;
  return share <= mostShare && share * (to - from) <= mostCopiedBytes && isFaithful(project, forms.ofForm, forms);
}

/** Whether nothing is lost with the fields that aren't kept: each record has as many fields as there are, and each value among them fits. */
function isFaithful({ forms: asked, kept }: ToProject, ofForm: readonly number[], forms: FieldForms): boolean {
  return forms.isEven && asked.every((form, field) => form === null || kept.includes(field) || ofForm.includes(field));
}

/**
 * A file with the fields of CSV records that the engine needs, written while the records are looked at. It is right where quotes are clean (CsvRegion); the
 * engine reads a tenth of the bytes then, which costs it more than this copy does.
 */
export class ProjectedCopy {
  /** Takes the records' bytes. */
  readonly forms: FieldForms;
  /** Where the records begin that it is to hold, and where they end. */
  readonly from: number;
  readonly to: number;
  private readonly file: StagedFile;
  private readonly project: ToProject;

  private constructor(project: ToProject, path: string, from: number, to: number) {
    const file = new StagedFile(path);
    this.from = from;
    this.to = to;
    this.project = project;
    this.file = file;
    this.forms = new FieldForms(project.layout.dialect, project.forms, { kept: project.kept, take: (bytes) => file.write(bytes) });
  }

  /** @returns null where it isn't worth it; see `isWorthProjecting` */
  static begin(source: ByteSource, split: SplitToStage, path: string, from: number, to: number): ProjectedCopy | null {
    const project = toProject(split);
    return project === null || !isWorthProjecting(source, split, from, to) ? null : new ProjectedCopy(project, path, from, to);
  }

  /** Takes its records from a source. @returns as `fieldsOfForm` */
  copy(source: ByteSource): readonly number[] {
    eachBlock(source, this.from, this.to, (bytes) => this.forms.push(bytes));
    return this.forms.finish();
  }

  close(): void {
    this.file.close();
  }

  /**
   * The piece that the file is, once it is closed.
   * @param piece what is known of it @param ofForm fields of which all values are of their form
   * @returns null when a record had too few or too many fields, or a field that isn't kept has a value that may not fit
   */
  pieceOf(piece: Omit<Piece, 'path' | 'layout' | 'exactFields'>, ofForm: readonly number[]): Piece | null {
    const { layout, kept } = this.project;
    if (!isFaithful(this.project, ofForm, this.forms)) return null;
    const fields = [...kept.map((field) => layout.fields[field] ?? ''), endFieldName];
    const dialect = { ...layout.dialect, newline: '\n' } as const;
    const projected: CsvLayout = { ...layout, dialect, fields, compression: 'none', bomBytes: 0, dataStart: 0, header: false };
    const exactFields = kept.flatMap((field, index) => (ofForm.includes(field) ? [index] : []));
    return { ...piece, path: this.file.path, layout: projected, exactFields };
  }
}
