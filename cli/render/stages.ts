import type { Between, ExplainedCost, ExplainedStage } from '../explained-stages.ts';
import { harmless } from './error.ts';
import { bytes, count, counted } from './numbers.ts';
import { sqlLines } from './sql-lines.ts';
import type { Style } from './style.ts';
import { wrapText } from './text-width.ts';

const indent = '  ';
const rail = `${indent}│ `;

/** The stages of a run from top to bottom, with what each computes and by what rows meet between them. */
export function drawStages(stages: readonly ExplainedStage[], style: Style): readonly string[] {
  return stages.flatMap((stage, index) => {
    const isLast = index === stages.length - 1;
    const side = isLast ? `${indent}  ` : style.paint('dim', rail);
    const columns = style.columns === null ? null : style.columns - rail.length - 1;
    const [head = '', ...more] = wrapText(headOf(stage), columns === null ? null : columns - stage.stage.length);
    return [
      ...(stage.keys === null ? [] : [meetingOf(stage.keys, stage.order, style)]),
      `${indent}${style.paint('bold', stage.stage)}  ${head}`,
      ...[...more, ...beforeIt(stage, columns)].map((line) => `${side} ${line}`),
      ...sqlLines(stage.sql, columns).map((line) => `${side} ${style.paint('cyan', line)}`),
      ...(isLast ? [] : [style.paint('dim', `${indent}│`)]),
    ];
  });
}

function headOf({ tasks, mostTasks, order, splits, bytes: size, taskBytes, requests }: ExplainedStage): string {
  const asked = `${between(requests)} requests`;
  if (taskBytes === null) return `${counted(tasks, 'task')} of ${counted(splits, 'split')}, ${bytes(size ?? 0)}, ${asked}`;
  const each = `one for each ${bytes(taskBytes)} handed on`;
  const more = order !== null ? ` (or ${each})` : mostTasks > tasks ? ` (${count(mostTasks)} at most: ${each})` : '';
  return `${counted(tasks, 'task')}${more}, ${asked}`;
}

function beforeIt({ combining, dealing }: ExplainedStage, columns: number | null): readonly string[] {
  const does = [
    [combining, 'make few parts of many'],
    [dealing, 'deal rows again of which one task would have too many'],
  ] as const;
  return does.flatMap(([{ least, most }, what]) => {
    if (Math.max(least, most) === 0) return [];
    const many = `${least === most ? '' : 'up to '}${counted(Math.max(least, most), 'task')}`;
    return wrapText(`before it ${many} ${what}`, columns);
  });
}

function meetingOf(keys: readonly string[], order: ExplainedStage['order'], style: Style): string {
  const names = (texts: readonly string[]): string => texts.map((text) => harmless(text)).join(', ');
  const unlessKeys = order === null ? 'all rows in one task' : `ranges of rows by ${names(order)}`;
  const how = keys.length === 0 ? unlessKeys : `rows meet by ${names(keys)}`;
  return style.paint('dim', `${indent}▼ ${how}`);
}

const between = ({ least, most }: Between<number>): string => (least === most ? count(least) : `${count(least)} to ${count(most)}`);

/** What a run is estimated to cost on AWS. */
export function costLine({ least, most }: ExplainedCost): string {
  const [from, to] = [dollars(least.requests + least.functions), dollars(most.requests + most.functions)];
  const spread = from === to ? '' : `, and ${to} if each stage hands on as many bytes as the input has`;
  return `Estimated cost on AWS: ${from} (requests ${dollars(least.requests)}, functions ${dollars(least.functions)})${spread}`;
}

/** Dollars with two figures: `$0.00021`, `$1.30`. */
function dollars(value: number): string {
  return `$${value >= 0.1 ? value.toFixed(2) : value.toFixed(Math.min(7, 1 - Math.floor(Math.log10(Math.max(value, 1e-7)))))}`;
}
