import { parseJob } from '../../functions/core/job.ts';
import type { SmallWorld } from './explore.ts';
import type { Deployment } from './functions.ts';

const job = (limits: { readonly maxFailedTasks?: number } = {}) =>
  parseJob({ name: 'job', input: { prefix: 'in/', format: 'text' }, query: 'SELECT line FROM input', table: { name: 'lines' }, limits });

const deployment = (more: Partial<Deployment> = {}): Deployment => ({
  jobs: [job()],
  splitBytes: 6,
  maxReceives: 9,
  guess: () => 'right',
  ...more,
});

/** Lines of six bytes: a split each. */
const lines = (count: number): string => Array.from({ length: count }, (_, line) => `line${line}\n`).join('');

const base = { deployment: deployment(), crashes: 0, duplicates: 0, commands: [], mayGiveUp: false } as const;

/** Groups have two tasks here: three tasks are two groups. */
export const smallWorlds: readonly SmallWorld[] = [
  { ...base, name: 'one task, its event twice, two crashes', uploads: [{ key: 'in/a', body: lines(1), events: 2 }], crashes: 2 },
  {
    ...base,
    name: 'one task, a crash, a message that comes twice',
    uploads: [{ key: 'in/a', body: lines(1), events: 1 }],
    crashes: 1,
    duplicates: 1,
  },
  { ...base, name: 'two tasks, one crash', uploads: [{ key: 'in/a', body: lines(2), events: 1 }], crashes: 1, isLarge: true },
  {
    ...base,
    name: 'two tasks, one message that comes twice',
    isLarge: true,
    uploads: [{ key: 'in/a', body: lines(2), events: 1 }],
    duplicates: 1,
  },
  { ...base, name: 'three tasks in two groups', isLarge: true, uploads: [{ key: 'in/a', body: lines(3), events: 1 }] },
  {
    ...base,
    name: 'commit against cancel, a crash',
    uploads: [{ key: 'in/a', body: lines(1), events: 1 }],
    crashes: 1,
    commands: ['cancel'],
  },
  { ...base, name: 'cancel and retry', uploads: [{ key: 'in/a', body: lines(1), events: 1 }], commands: ['cancel', 'retry'] },
  { ...base, name: 'cancel of two tasks', isLarge: true, uploads: [{ key: 'in/a', body: lines(2), events: 1 }], commands: ['cancel'] },
  {
    ...base,
    name: 'two runs into one table, committed alone or together, a crash',
    uploads: [
      { key: 'in/a', body: lines(1), events: 1 },
      { key: 'in/b', body: lines(1).toUpperCase(), events: 1 },
    ],
    crashes: 1,
    commitsAtOnce: 2,
  },
  {
    ...base,
    name: 'a task that is given up, and retried',
    deployment: deployment({ maxReceives: 1 }),
    uploads: [{ key: 'in/a', body: lines(1), events: 1 }],
    crashes: 1,
    commands: ['retry'],
    mayGiveUp: true,
  },
  {
    ...base,
    name: 'a split that was guessed wrong',
    isLarge: true,
    deployment: deployment({ splitBytes: 12, guess: () => 'wrong' }),
    uploads: [{ key: 'in/a', body: lines(4), events: 1 }],
  },
  {
    ...base,
    name: 'a poisoned split, committed in part and retried',
    isLarge: true,
    deployment: deployment({ jobs: [job({ maxFailedTasks: 1 })] }),
    uploads: [{ key: 'in/a', body: 'line0\nxine1\n', events: 1 }],
    commands: ['retry'],
  },
];
