import type { CsvLayout, InputColumn, Layout } from '../core/layout.ts';
import type { Plan } from '../core/plan.ts';
import { sameName } from '../core/planner/statement-tree.ts';
import { castAnyway } from '../core/query.ts';
import type { FieldForm } from '../core/records/form-kernel-state.ts';
import { exactForm, fittingForm } from '../engine/exact.ts';
import { hasWholeNumbersOnly } from '../engine/exact-nested.ts';
import { formsFit, indexOfName, keyOf } from '../engine/relation.ts';
import type { SplitToStage } from '../formats/staged-split.ts';

/** What the scan of a split is to find out besides where its records are. */
export function questionsOf(
  layout: Layout,
  { columns, query }: Pick<Plan, 'columns' | 'query'>,
): Pick<SplitToStage, 'forms' | 'keptFields' | 'knownKeys'> {
  if (layout.format === 'csv')
    return { forms: formsOf(layout.fields, columns, castAnyway(query)), keptFields: neededFields(layout, columns, query.reads) };
  if (layout.format !== 'json' && layout.format !== 'jsonl') return {};
  // the keys that the engine reads
  return {
    knownKeys: columns.map((column) => ({ name: keyOf(layout, column), type: column.type, wholeNumbers: hasWholeNumbersOnly(column) })),
  };
}

/** What the scan can find out of each field so that the engine needn't compare its values with their texts, nor cast those that aren't cast for the query. */
function formsOf(fields: readonly string[], columns: readonly InputColumn[], cast: readonly string[]): readonly (FieldForm | null)[] {
  const forms = fields.map((): FieldForm | null => null);
  for (const column of columns) {
    const index = indexOfName(fields, column.name);
    if (index >= 0) forms[index] = exactForm(column) ?? (cast.includes(column.name) ? null : fittingForm(column));
  }
  return forms;
}

/** The fields that the engine must see: those that the query reads, and those whose form doesn't tell whether their values fit. */
function neededFields(layout: CsvLayout, columns: readonly InputColumn[], reads: readonly string[]): readonly number[] {
  const needed = columns
    .filter((column) => reads.some((name) => sameName(name, column.name)) || (column.type !== 'VARCHAR' && !formsFit(layout, column)))
    .map((column) => indexOfName(layout.fields, column.name));
  return layout.fields.flatMap((_, field) => (needed.includes(field) ? [field] : []));
}
