import { type Job, parseJob } from '../../functions/core/job.ts';
import { badMark } from './computer.ts';
import type { Deployment } from './functions.ts';
import { minuteMs } from './limits.ts';
import { type QueryKind, queries } from './queries.ts';
import { Random } from './random.ts';
import { type FaultName, faultNames, laterFaultNames } from './scenario-faults.ts';

export type Faults = Readonly<Record<FaultName, number>>;

/** What happens in the world outside, `afterMs` from the beginning at the earliest. */
export type Outside = { readonly afterMs: number } & (
  | { readonly kind: 'upload'; readonly key: string; readonly body: string; readonly job: Job }
  /** The event of the nth upload is delivered once more. */
  | { readonly kind: 'event-again'; readonly upload: number }
  | { readonly kind: 'retry' | 'run-again' | 'cancel'; readonly upload: number }
  /** A command that is typed once the nth upload's files didn't fit its table: before it is planned again, or just behind that. */
  | { readonly kind: 'cancel-at-conflict'; readonly upload: number }
  /** What the work root has of the nth upload's run is deleted: all of it where nobody is at work on an ended run, else what is old. */
  | { readonly kind: 'expiry'; readonly upload: number }
  | { readonly kind: 'foreign-append' | 'foreign-vacuum' | 'foreign-column'; readonly table: string }
);

export interface Scenario {
  /** Decides in which order things happen, and where faults strike. */
  readonly schedule: number;
  readonly deployment: Deployment;
  readonly outside: readonly Outside[];
  readonly faults: Faults;
  /** No fault behind so many steps. */
  readonly faultSteps: number;
  /** Whether the landing bucket keeps versions that were overwritten. */
  readonly isVersioned: boolean;
  /** Most milliseconds by which a function's clock is off when it begins. */
  readonly skewMs: number;
  /** By how many percent it is slow or fast at most. */
  readonly driftPercent: number;
  /** Delta tables that another writer has made before. */
  readonly tables: readonly { readonly table: string; readonly checkpointInterval: number }[];
}

const hourMs = 60 * minuteMs;
const noFaults: Faults = Object.fromEntries(faultNames.map((name) => [name, 0])) as unknown as Faults;

/** Which faults there are differs from seed to seed: a world with all of them at once hides what two of them do alone (Groce et al., Swarm Testing, 2012). */
function faultsOf(random: Random, ofLater: Random): Faults {
  if (random.chance(0.05)) return noFaults;
  const strength = random.pick([0.005, 0.02, 0.05, 0.1]);
  const faults = faultNames
    .filter((name) => !laterFaultNames.some((later) => later === name))
    .map((name) => [name, random.chance(0.4) ? strength : 0]);
  const later = laterFaultNames.map((name) => [name, ofLater.chance(0.15) ? ofLater.pick([0.005, 0.02, 0.1]) : 0]);
  return Object.fromEntries([...faults, ...later]) as unknown as Faults;
}

function jobsOf(random: Random, kind: (job: number) => QueryKind): readonly Job[] {
  const format = random.chance(0.15) ? 'parquet' : 'delta';
  const tables = random.chance(0.3) ? 2 : 1;
  return Array.from({ length: tables }, (_, index) =>
    parseJob({
      name: `job-${index}`,
      input: { prefix: `in-${index}/`, format: 'text' },
      query: queries[kind(index)],
      table: { name: random.chance(0.5) ? 'shared' : `table_${index}`, format },
      limits: {
        maxBadRows: random.chance(0.2) ? 2 : 0,
        maxFailedTasks: random.chance(0.4) ? random.between(1, 2) : 0,
        deadlineMinutes: random.pick([10, 1_440, 10_080]),
      },
    }),
  );
}

/** Lines of different lengths, each unlike any other of the world. */
function bodyOf(random: Random, upload: number, isPoisoned: boolean): string {
  const count = random.pick([0, 1, 2, 3, 5, 8, 12]);
  const poison = new Set(Array.from({ length: isPoisoned ? random.pick([1, 1, 3]) : 0 }, () => random.below(Math.max(1, count))));
  return Array.from({ length: count }, (_, line) => {
    const mark = poison.has(line) ? badMark : 'r';
    return `${mark}${upload}.${line}${'-'.repeat(random.pick([0, 0, 1, 4, 15]))}\n`;
  }).join('');
}

/** Some of a text's lines once more: what a query makes one of. */
function repeated(random: Random, body: string): string {
  const lines = body.split('\n').slice(0, -1);
  return Array.from({ length: lines.length === 0 ? 0 : random.pick([0, 1, 3]) }, () => `${random.pick(lines)}\n`).join('');
}

/** A run that is cancelled with tasks done, and taken up again when what they left is so old that it goes: by expiry of the work root, or by another writer's VACUUM. */
function lateRetry(random: Random, outside: readonly Outside[], span: number): readonly Outside[] {
  if (!random.chance(0.3)) return [];
  const landed = outside.filter((event) => event.kind === 'upload').sort((a, b) => a.afterMs - b.afterMs);
  const upload = random.below(landed.length);
  const { afterMs = 0, job } = landed[upload] ?? {};
  const isVacuum = random.chance(0.5);
  const retryMs = (isVacuum ? 7 : 22) * 24 * hourMs + span + 10 * minuteMs;
  // while it is opened and done, or behind a crash of whoever commits it
  const goesMs = retryMs + random.below(random.pick([2_000, 40_000]));
  return [
    { kind: 'cancel', upload, afterMs: afterMs + random.below(3_000) },
    { kind: 'retry', upload, afterMs: retryMs },
    isVacuum ? { kind: 'foreign-vacuum', table: job?.table.name ?? '', afterMs: goesMs } : { kind: 'expiry', upload, afterMs: goesMs },
  ];
}

/** An upload whose table changes while it is loaded, so that its files may not fit; whoever sees that cancels it. */
function conflictAndCancel(random: Random, outside: readonly Outside[]): readonly Outside[] {
  if (!random.chance(0.15)) return [];
  const landed = outside.filter((event) => event.kind === 'upload').sort((a, b) => a.afterMs - b.afterMs);
  const upload = random.below(landed.length);
  const { afterMs = 0, job } = landed[upload] ?? {};
  return [
    { kind: 'foreign-column', table: job?.table.name ?? '', afterMs: afterMs + random.below(1_000) },
    { kind: 'cancel-at-conflict', upload, afterMs: 0 },
  ];
}

/** Tables whose checkpoints come so often that few commits reach one, as their writer may ask for. */
function tablesOf(jobs: readonly Job[], checkpointInterval: number): Scenario['tables'] {
  const names = new Set(jobs.flatMap(({ table }) => (table.format === 'delta' ? [table.name] : [])));
  return [...names].map((table) => ({ table, checkpointInterval }));
}

/** Commits of another writer: ours are at versions with and without a checkpoint. */
function otherCommits(random: Random, tables: Scenario['tables'], span: number): readonly Outside[] {
  return tables.flatMap(({ table }) =>
    Array.from({ length: random.below(3) }, () => ({ kind: 'foreign-append' as const, table, afterMs: random.below(span) })),
  );
}

/** Everything that a seed decides before the first step. */
export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed);
  // by itself, so that worlds without merge stages are as they were
  const ofStages = new Random(seed ^ 0x51ed270b);
  const kinds = [0, 1].map(() => ofStages.pick<QueryKind>(['lines', 'lines', 'lines', 'distinct', 'sorted', 'count']));
  const jobs = jobsOf(random, (job) => kinds[job] ?? 'lines');
  const isVersioned = random.chance(0.7);
  const uploads = random.pick([1, 1, 2, 3]);
  const outside: Outside[] = [];
  const span = random.pick([minuteMs, hourMs]);
  for (let upload = 0; upload < uploads; upload++) {
    const job = random.pick(jobs);
    const isOverwritten = upload > 0 && random.chance(0.2);
    const before = outside.find((event) => event.kind === 'upload');
    const key = isOverwritten && before?.kind === 'upload' ? before.key : `${job.input.prefix}${upload}.txt`;
    const owner = isOverwritten && before?.kind === 'upload' ? before.job : job;
    const afterMs = random.below(span);
    const body = bodyOf(random, upload, random.chance(0.25));
    const again = owner.query === queries.lines ? '' : repeated(ofStages, body);
    outside.push({ kind: 'upload', afterMs, key, job: owner, body: `${body}${again}` });
    for (let n = random.pick([0, 0, 1, 2]); n > 0; n--) {
      outside.push({ kind: 'event-again', upload, afterMs: random.below(random.pick([span, 4 * 24 * hourMs])) });
    }
    for (let n = random.pick([0, 1, 2]); n > 0; n--) {
      const kind = random.pick(['retry', 'retry', 'run-again', 'cancel'] as const);
      outside.push({ kind, upload, afterMs: random.below(random.pick([span, 4 * span])) });
    }
    if (random.chance(0.2)) {
      const monthMs = random.chance(0.5) ? 22 * 24 * hourMs : 0;
      outside.push({ kind: 'expiry', upload, afterMs: monthMs + random.below(2 * span) });
      // at the very time, or when a dead letter of two weeks is driven again
      if (random.chance(0.5))
        outside.push({
          kind: random.pick(['retry', 'run-again', 'event-again'] as const),
          upload,
          afterMs: monthMs + random.below(2 * span),
        });
    }
  }
  if (random.chance(0.3)) {
    const table = random.pick(jobs).table.name;
    const kind = random.pick(['foreign-append', 'foreign-column'] as const);
    for (let n = random.between(1, 3); n > 0; n--) outside.push({ kind, table, afterMs: random.below(span) });
  }
  if (random.chance(0.1)) {
    // a retry of what failed a week ago, while its files are taken
    const table = random.pick(jobs).table.name;
    const weekMs = 7 * 24 * hourMs + span;
    outside.push({ kind: 'retry', upload: random.below(uploads), afterMs: weekMs + random.below(2 * minuteMs) });
    for (let n = random.between(1, 3); n > 0; n--)
      outside.push({ kind: 'foreign-vacuum', table, afterMs: weekMs + random.below(2 * minuteMs) });
  }
  // of their own: what the other numbers decide stays
  const more = new Random(seed ^ 0x7f4a7c15);
  const driftPercent = more.pick([0, 0, 10]);
  const hasTables = more.chance(0.35);
  const tables = hasTables ? tablesOf(jobs, more.pick([1, 2])) : [];
  if (hasTables) outside.push(...otherCommits(more, tables, span));
  if (hasTables) outside.push(...conflictAndCancel(new Random(seed ^ 0x1b873593), outside));
  outside.push(...lateRetry(new Random(seed ^ 0x2545f491), outside, span));
  const wrongGuesses = random.pick([0, 0, 0.3, 1]);
  const lostGuesses = random.pick([0, 0.5]);
  return {
    schedule: seed,
    outside,
    isVersioned,
    faults: faultsOf(random, new Random(seed ^ 0x3c6ef372)),
    faultSteps: random.pick([200, 1_000, 3_000]),
    skewMs: random.pick([0, 0, 5 * minuteMs]),
    driftPercent,
    tables,
    deployment: {
      jobs,
      splitBytes: random.pick([6, 10, 20, 40, 1_000]),
      maxReceives: random.pick([3, 5]),
      guess: (key, start) => {
        // the same for whoever reads the split
        const chance = new Random(seed ^ (start * 7919) ^ key.length);
        if (!chance.chance(wrongGuesses)) return 'right';
        return chance.chance(lostGuesses) ? 'lost' : 'wrong';
      },
    },
  };
}
