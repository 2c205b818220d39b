import * as z from 'zod';
import { FanlakeError } from '../core/errors.ts';

/**
 * The names under which a function finds its surroundings: typed here once, for the functions that read them and for the infrastructure that sets
 * them. The environment says where; a job says what.
 */
export const environmentNames = {
  /** Bucket that uploads land in. */
  landingBucket: 'FANLAKE_LANDING_BUCKET',
  /** Bucket of plans and parts, where everything expires. */
  workBucket: 'FANLAKE_WORK_BUCKET',
  /** Bucket of tables, ledgers and quarantine. */
  lakeBucket: 'FANLAKE_LAKE_BUCKET',
  /** Account of the stack, and the buckets that the stack made in it, with commas between. */
  account: 'FANLAKE_ACCOUNT',
  ownBuckets: 'FANLAKE_OWN_BUCKETS',
  /** URLs of the queues. */
  requestsQueue: 'FANLAKE_REQUESTS_QUEUE',
  tasksQueue: 'FANLAKE_TASKS_QUEUE',
  mergesQueue: 'FANLAKE_MERGES_QUEUE',
  commitsQueue: 'FANLAKE_COMMITS_QUEUE',
  monitorQueue: 'FANLAKE_MONITOR_QUEUE',
  /** Where messages rest that nobody understands: for a person to look at. */
  undeliverableQueue: 'FANLAKE_UNDELIVERABLE_QUEUE',
  /** Name of the EventBridge bus that hears of finished runs. */
  eventBus: 'FANLAKE_EVENT_BUS',
  /** Name of the deployment, a dimension of every metric and in every announcement. */
  stack: 'FANLAKE_STACK',
  /** Bytes of input that a task aims at. */
  splitBytes: 'FANLAKE_SPLIT_BYTES',
  /** Version of Fanlake, which log entries name. */
  version: 'FANLAKE_VERSION',
  /** Days until everything in the work bucket expires. */
  workDays: 'FANLAKE_WORK_DAYS',
  /** How often the function's queue delivers a message before it is a dead letter. */
  maxReceives: 'FANLAKE_MAX_RECEIVES',
} as const;

export type Setting = keyof typeof environmentNames;

/** The file of the functions' bundle that lists the jobs, as JSON. */
export const jobsFile = 'jobs.json';

/**
 * The settings that a function was deployed with.
 * @param wanted which of them it needs
 * @throws FanlakeError `internal` naming all that are missing: the deployment is wrong, and no event is its fault
 */
export function readEnvironment<const Wanted extends Setting>(
  wanted: readonly Wanted[],
  environment: NodeJS.ProcessEnv = process.env,
): Readonly<Record<Wanted, string>> {
  const schema = z.record(z.enum(wanted), z.string().min(1));
  const found = schema.safeParse(Object.fromEntries(wanted.map((setting) => [setting, environment[environmentNames[setting]]])));
  if (found.success) return found.data;
  const missing = wanted.filter((setting) => !environment[environmentNames[setting]]).map((setting) => environmentNames[setting]);
  throw new FanlakeError(
    'internal',
    `This function was deployed without ${missing.join(', ')}: deploy the stack again, with nothing changed by hand in the console.`,
    { missing },
  );
}

/**
 * A setting that is a whole number above 0.
 * @throws FanlakeError `internal` when it isn't one
 */
export function positiveNumber(setting: Setting, value: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new FanlakeError(
    'internal',
    `${environmentNames[setting]} must be a whole number above 0, and is '${value}': deploy the stack again.`,
  );
}
