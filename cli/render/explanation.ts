import type { Layout } from '../../functions/core/layout.ts';
import type { ExplainedTableColumn, Explanation } from '../explanation.ts';
import { harmless } from './error.ts';
import { bytes, count, counted } from './numbers.ts';
import { shortPath } from './short-path.ts';
import { costLine, drawStages } from './stages.ts';
import type { Style } from './style.ts';
import { renderTable } from './table.ts';
import { wrapText } from './text-width.ts';

const shownObjects = 20;

/** What a run would do, as a person reads it. */
export function renderExplanation(explained: Explanation, style: Style, currentFolder: string): string {
  const { job, run, known, query, why, input } = explained;
  const head = [
    `${style.paint('bold', `Job ${job}`)}  ${run}`,
    ...(known === null ? [] : [`The very same run is there already: ${known}`]),
  ];
  const indented = (text: string) => wrapText(text, style.columns === null ? null : style.columns - 2).map((line) => `  ${line}`);
  const sections: readonly (readonly [string, readonly string[]])[] = [
    ['Stages', [...stageLines(explained, style), ...indented(`why: ${why}`)]],
    [`Input: ${counted(input.objects, 'object')}, ${bytes(input.bytes)}`, objectLines(explained)],
    [
      'Input columns',
      [
        renderTable(
          [{ name: 'column' }, { name: 'type' }, { name: 'from' }],
          explained.columns.map(({ name, type, from }) => [name, type, origins[from]]),
          style,
        ),
      ],
    ],
    ...(explained.sides.length === 0 ? [] : [['Side inputs', sideLines(explained)] as const]),
    ['Query', [`  ${harmless(query.sql.trim())}`, ...indented(`treats ${treatmentOf(explained)}`)]],
    [
      tableTitle(explained, currentFolder),
      [tableColumns(explained.table.columns, style), ...(explained.table.path === null ? [] : partitioning(explained))],
    ],
  ];
  return [...head, ...sections.flatMap(([title, lines]) => ['', style.paint('bold', title), ...lines])].join('\n');
}

function stageLines({ stages, input, cost }: Explanation, style: Style): readonly string[] {
  const [map] = stages;
  if (stages.length > 1) {
    const columns = style.columns === null ? null : style.columns - 2;
    return [...drawStages(stages, style), '', ...wrapText(costLine(cost), columns).map((line) => `  ${line}`)];
  }
  return map === undefined
    ? []
    : [`  ${map.stage}: ${counted(map.tasks, 'task')} of ${counted(map.splits, 'split')}, ${bytes(input.bytes)}`];
}

function treatmentOf({ query, stages }: Explanation): string {
  if (query.rowwise) return 'each row by itself, so any number of tasks may share the input';
  const several = `several rows at once: it ${query.reason ?? 'needs them all'}`;
  if (stages.length > 1) return `${several}. The tasks of a stage hand rows on, and those of the next one merge them`;
  if (query.shareable) return `${several}. One task runs it as it is; over several tasks it would be done in stages`;
  return `all rows in one task: it ${query.reason ?? 'needs them at once'}. Several tasks can't share it (--allow-single-task)`;
}

const origins = {
  declared: 'declared by the job',
  table: 'the existing table',
  file: "the file's own",
  learned: 'learned from the head of the input',
} as const;

function objectLines({ objects }: Explanation): readonly string[] {
  const shown = objects.slice(0, shownObjects).map(({ key, bytes: size, splits, layout }) => {
    const cut = splits > 1 ? `, ${count(splits)} splits` : '';
    return `  ${harmless(key)}  ${bytes(size)}${cut}: ${describeLayout(layout)}`;
  });
  return objects.length > shownObjects ? [...shown, `  and ${counted(objects.length - shownObjects, 'object')} more`] : shown;
}

function sideLines({ sides }: Explanation): readonly string[] {
  return sides.map(({ name, key, bytes: size, columns }) => {
    const typed = columns.map((column) => `${harmless(column.name)} ${column.type}`);
    return `  ${name}: ${harmless(key)}  ${bytes(size)}: ${typed.join(', ')}`;
  });
}

/** How an object is read: `csv, delimiter ',', quote '"', newline \n, header, gzip`. */
export function describeLayout(layout: Layout): string {
  const parts: string[] = [layout.format];
  if (layout.format === 'csv') {
    const { delimiter, quote, escape: before, comment, newline } = layout.dialect;
    parts.push(`delimiter ${quoted(delimiter)}`, quote === '' ? 'no quotes' : `quote ${quoted(quote)}`);
    if (before !== '' && before !== quote) parts.push(`escape ${quoted(before)}`);
    if (comment !== '') parts.push(`comment ${quoted(comment)}`);
    parts.push(`newline ${JSON.stringify(newline).slice(1, -1)}`, layout.header ? 'header' : 'no header');
  }
  if (layout.format !== 'parquet' && layout.bomBytes > 0) parts.push('byte order mark');
  if (layout.compression !== 'none') parts.push(layout.compression);
  return parts.join(', ');
}

const quoted = (text: string): string => `'${text === '\t' ? '\\t' : harmless(text)}'`;

function tableTitle({ table }: Explanation, currentFolder: string): string {
  if (table.path === null) return 'Answer: printed, and nothing is kept (--table <name> loads it)';
  const age = table.version === null ? 'new' : `version ${table.version}`;
  return `Table ${table.name}: ${harmless(shortPath(table.path, currentFolder))} (${table.format}, ${age}, ${table.mode})`;
}

function tableColumns(columns: readonly ExplainedTableColumn[], style: Style): string {
  const casts = columns.some(({ castTo }) => castTo !== null);
  const rows = columns.map(({ source, name, type, castTo }) => [
    source === name ? name : `${source} -> ${name}`,
    type,
    castTo === null ? '' : `cast to ${castTo}`,
  ]);
  return renderTable([{ name: 'column' }, { name: 'type' }, ...(casts ? [{ name: 'cast' }] : [])], rows, style);
}

function partitioning({ table }: Explanation): readonly string[] {
  return table.partitionBy.length === 0 ? ['  not partitioned'] : [`  partitioned by ${table.partitionBy.join(', ')}`];
}
