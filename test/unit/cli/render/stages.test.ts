import { expect, it } from 'vitest';
import { costLine, drawStages } from '../../../../cli/render/stages.ts';
import { plainStyle, styleFor } from '../../../../cli/render/style.ts';

const none = { least: 0, most: 0 };
const stages = [
  {
    ...{
      stage: 'map',
      tasks: 1_600,
      mostTasks: 1_600,
      splits: 1_600,
      bytes: 2 ** 38,
      taskBytes: null,
      keys: null,
      order: null,
      combining: none,
      dealing: none,
    },
    ...{ sql: 'SELECT k, count(*) AS n FROM input GROUP BY k', requests: { least: 30_000, most: 30_000 } },
  },
  {
    ...{ stage: 'merge 1', tasks: 1, mostTasks: 64, splits: 0, bytes: null, taskBytes: 2 ** 26, keys: ['k'], order: null },
    ...{ combining: { least: 25, most: 0 }, dealing: { least: 0, most: 9 } },
    ...{ sql: 'SELECT k, sum(n) AS n FROM parts GROUP BY k', requests: { least: 1_700, most: 200_000 } },
  },
  {
    ...{
      stage: 'merge 2',
      tasks: 1,
      mostTasks: 1,
      splits: 0,
      bytes: null,
      taskBytes: 2 ** 26,
      keys: [],
      order: null,
      combining: none,
      dealing: none,
    },
    ...{ sql: 'SELECT k, n FROM parts ORDER BY n DESC LIMIT 9', requests: { least: 9, most: 71 } },
  },
  {
    ...{
      stage: 'merge 3',
      tasks: 1,
      mostTasks: 8,
      splits: 0,
      bytes: null,
      taskBytes: 2 ** 26,
      keys: [],
      order: ['n DESC', 'k'],
      combining: none,
      dealing: none,
    },
    ...{ sql: 'SELECT k, n FROM parts ORDER BY n DESC, k', requests: { least: 9, most: 71 } },
  },
] as const;

it('stages stand below each other, with the rows that meet between them', () => {
  expect(drawStages(stages, plainStyle)).toEqual([
    '  map  1,600 tasks of 1,600 splits, 256 GiB, 30,000 requests',
    '  │  SELECT k, count(*) AS n FROM input GROUP BY k',
    '  │',
    '  ▼ rows meet by k',
    '  merge 1  1 task (64 at most: one for each 64 MiB handed on), 1,700 to 200,000 requests',
    '  │  before it up to 25 tasks make few parts of many',
    '  │  before it up to 9 tasks deal rows again of which one task would have too many',
    '  │  SELECT k, sum(n) AS n FROM parts GROUP BY k',
    '  │',
    '  ▼ all rows in one task',
    '  merge 2  1 task, 9 to 71 requests',
    '  │  SELECT k, n FROM parts ORDER BY n DESC LIMIT 9',
    '  │',
    '  ▼ ranges of rows by n DESC, k',
    '  merge 3  1 task (or one for each 64 MiB handed on), 9 to 71 requests',
    '     SELECT k, n FROM parts ORDER BY n DESC, k',
  ]);
});

it('on a terminal no line is longer than it is wide', () => {
  const style = styleFor({ isTTY: true, columns: 40 }, { NO_COLOR: '1' });
  for (const line of drawStages(stages, style)) expect(line.length, line).toBeLessThanOrEqual(40);
});

it('the cost is told with two figures, and how much it may become', () => {
  const least = { requests: 0.000211, functions: 0.0000904 };
  expect(costLine({ currency: 'USD', least, most: least })).toBe(
    'Estimated cost on AWS: $0.00030 (requests $0.00021, functions $0.000090)',
  );
  const most = { requests: 1.25, functions: 12 };
  expect(costLine({ currency: 'USD', least, most })).toMatch(/, and \$13\.25 if each stage hands on as many bytes as the input has$/);
});
