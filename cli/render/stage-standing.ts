import type { StageStanding } from '../store/stage-standing.ts';
import { count } from './numbers.ts';
import type { Style } from './style.ts';
import { renderTable } from './table.ts';

/** Stages of a run as a person reads them: how far each is, and the rows that went through it. */
export function renderStages(stages: readonly StageStanding[], style: Style): string {
  const columns = [
    { name: 'stage' },
    { name: 'tasks', align: 'right' },
    { name: 'rows taken', align: 'right' },
    { name: 'rows handed on', align: 'right' },
  ] as const;
  const rows = stages.map(({ stage, tasks: { planned, done, failed }, rows: { taken, handedOn } }) => {
    if (planned === null) return [stage, '', '', ''];
    const failures = failed === 0 ? '' : `, ${count(failed)} failed`;
    return [stage, `${count(done)} of ${count(planned)}${failures}`, count(taken), count(handedOn)];
  });
  return renderTable(columns, rows, style);
}
