import { parseJob } from '../../functions/core/job.ts';
import type { Deployment } from './functions.ts';
import { queries } from './queries.ts';
import type { SmallWorld } from './small-world.ts';

const job = (limits: { readonly maxFailedTasks?: number } = {}, query: string = queries.lines) =>
  parseJob({ name: 'job', input: { prefix: 'in/', format: 'text' }, query, table: { name: 'lines' }, limits });

const deployment = (more: Partial<Deployment> = {}): Deployment => ({
  jobs: [job()],
  splitBytes: 6,
  maxReceives: 9,
  guess: () => 'right',
  ...more,
});

/** Lines of six bytes: a split each. */
const lines = (count: number): string => Array.from({ length: count }, (_, line) => `line${line}\n`).join('');

/** An object of so many lines. */
const upload = (count: number, events = 1) => ({ key: 'in/a', body: lines(count), events });

/** Of which one task each merges at most twenty bytes: lines of twelve are for two. */
const distinct = (splitBytes: number) => deployment({ jobs: [job({}, queries.distinct)], splitBytes });
const longLines = 'line0------\nline1------\n';

const base = { deployment: deployment(), crashes: 0, duplicates: 0, commands: [], mayGiveUp: false } as const;

/**
 * Groups have two tasks here: three tasks are two groups. Time stands still, so that no monitor reaches a deadline or finds a task late; each tick of it is
 * explored all the same, at any moment and any number of times.
 */
export const smallWorlds: readonly SmallWorld[] = [
  { ...base, name: 'one task, its event twice, two crashes', uploads: [upload(1, 2)], crashes: 2 },
  { ...base, name: 'one task, a crash, a message that comes twice', uploads: [upload(1)], crashes: 1, duplicates: 1 },
  { ...base, name: 'commit against cancel, a crash', uploads: [upload(1)], crashes: 1, commands: ['cancel'] },
  { ...base, name: 'cancel and retry', uploads: [upload(1)], commands: ['cancel', 'retry'] },
  {
    ...base,
    name: 'two runs into one table, committed alone or together, a crash',
    uploads: [upload(1), { ...upload(1), key: 'in/b', body: lines(1).toUpperCase() }],
    crashes: 1,
    commitsInPairs: true,
  },
  {
    ...base,
    name: 'a task that is given up, and retried',
    deployment: deployment({ maxReceives: 1 }),
    uploads: [upload(1)],
    crashes: 1,
    commands: ['retry'],
    mayGiveUp: true,
  },
  { ...base, name: 'two tasks, two crashes', uploads: [upload(2)], crashes: 2 },
  { ...base, name: 'two tasks, a message that comes twice', uploads: [upload(2)], duplicates: 1 },
  { ...base, name: 'two tasks and cancel, a crash', uploads: [upload(2)], crashes: 1, commands: ['cancel'] },
  {
    ...base,
    name: 'two tasks, one of them given up, committed in part or as a whole',
    deployment: deployment({ jobs: [job({ maxFailedTasks: 1 })], maxReceives: 1 }),
    uploads: [upload(2)],
    crashes: 1,
    mayGiveUp: true,
  },
  {
    ...base,
    name: 'two tasks, one with a bad line, committed in part and retried',
    deployment: deployment({ jobs: [job({ maxFailedTasks: 1 })] }),
    uploads: [{ ...upload(2), body: 'line0\nxine1\n' }],
    commands: ['retry'],
  },
  { ...base, name: 'two tasks, their event twice', uploads: [upload(2, 2)] },
  { ...base, name: 'three tasks in two groups, two crashes', uploads: [upload(3)], crashes: 2 },
  { ...base, name: 'three tasks in two groups, three functions at a time', uploads: [upload(3)], atOnce: 3 },
  {
    ...base,
    name: 'a split that was guessed wrong, one of equal messages kept',
    deployment: deployment({ splitBytes: 12, guess: () => 'wrong' }),
    uploads: [upload(4)],
    keepsOne: true,
  },
  { ...base, name: 'two tasks and a merge task, a crash', deployment: distinct(6), uploads: [upload(2)], crashes: 1 },
  { ...base, name: 'two tasks and two merge tasks', deployment: distinct(12), uploads: [{ ...upload(2), body: longLines }] },
  {
    ...base,
    name: 'two tasks and a merge task, a message that comes twice',
    deployment: distinct(6),
    uploads: [upload(2)],
    duplicates: 1,
    isLarge: true,
  },
  { ...base, name: 'two tasks, a crash, a message that comes twice', uploads: [upload(2)], crashes: 1, duplicates: 1, isLarge: true },
  { ...base, name: 'three tasks in two groups, a message that comes twice', uploads: [upload(3)], duplicates: 1, isLarge: true },
  {
    ...base,
    name: 'three tasks in two groups, a crash, three functions at a time',
    uploads: [upload(3)],
    crashes: 1,
    atOnce: 3,
    isLarge: true,
  },
  { ...base, name: 'three tasks in two groups and cancel, a crash', uploads: [upload(3)], crashes: 1, commands: ['cancel'], isLarge: true },
];
