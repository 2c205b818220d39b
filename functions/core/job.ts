import * as z from 'zod';
import { FanlakeError } from './errors.ts';
import { lakeFolders } from './keys.ts';
import { inputFormats } from './layout.ts';
import { didYouMean } from './nearest.ts';
import { sideNameFault } from './side-table.ts';

/** The most that a run's epoch may take. */
export const longestDeadlineMinutes = 10_080;

/** Bytes of one ASCII character, or nothing. */
const oneByte = z
  .string()
  .refine((text) => text.length <= 1 && text.charCodeAt(0) !== 0 && !(text > '\x7f'), 'must be one ASCII character, or empty for none');

const formatOptions = z.strictObject({
  type: z.enum(inputFormats),
  compression: z.enum(['none', 'gzip', 'zstd']).optional(),
  delimiter: z
    .string()
    .refine((text) => text !== '' && new TextEncoder().encode(text).length <= 4, 'must be 1 to 4 bytes')
    .optional(),
  quote: oneByte.optional(),
  escape: oneByte.optional(),
  comment: oneByte.optional(),
  newline: z.enum(['\n', '\r\n', '\r']).optional(),
  header: z.boolean().optional(),
  nullStrings: z.array(z.string()).readonly().optional(),
});

export type FormatOptions = z.output<typeof formatOptions>;

const csvOnly = ['delimiter', 'quote', 'escape', 'comment', 'newline', 'header', 'nullStrings'] as const;

const format = z
  .union([z.enum(inputFormats).transform((type): FormatOptions => ({ type })), formatOptions])
  .superRefine((value, context) => {
    if (value.type === 'csv' || value.type === 'tsv') return;
    for (const key of csvOnly) {
      if (Object.hasOwn(value, key))
        context.addIssue({ code: 'custom', path: [key], message: `belongs to csv and tsv, not to ${value.type}` });
    }
  });

const types = z.record(z.string().min(1), z.string().min(1));

const sideOptions = z.strictObject({
  /** In the landing root. */
  key: z.string().min(1),
  format: format.optional(),
  columns: types.optional(),
});

const sides = z
  .record(
    z.string(),
    z.union([
      z
        .string()
        .min(1)
        .transform((key): z.output<typeof sideOptions> => ({ key })),
      sideOptions,
    ]),
  )
  .superRefine((value, context) => {
    const names = Object.keys(value);
    for (const [index, name] of names.entries()) {
      const earlier = names.slice(0, index).find((other) => other.toLowerCase() === name.toLowerCase());
      const fault = earlier === undefined ? sideNameFault(name) : `must differ from '${earlier}' in more than case`;
      if (fault !== null) context.addIssue({ code: 'custom', message: `the name '${name}' ${fault}` });
    }
  });

const wholeNumber = z.int('must be a whole number').min(0, 'must be 0 or more');

const jobSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be 1 to 63 characters of a-z, 0-9 and '-', beginning with a letter or digit"),
  input: z.strictObject({
    prefix: z
      .string()
      .regex(/^[^/]/, 'must not be empty or begin with a slash: it is the beginning of a key')
      .regex(/^(?!(work|lake|quarantine)\/)/, "must not cover what Fanlake writes itself ('work/', 'lake/', 'quarantine/')")
      .optional(),
    format: format.optional(),
    columns: types.optional(),
    include: z.array(z.string().min(1)).readonly().default([]),
    exclude: z.array(z.string().min(1)).readonly().default([]),
    /** What becomes of keys of JSON objects that no column holds; default 'report'. */
    unknownKeys: z.enum(['report', 'fail']).optional(),
  }),
  /** Small tables that the query may read besides: by name, the key of each in the landing root. */
  inputs: sides.optional(),
  query: z.string().trim().min(1).default('SELECT * FROM input'),
  table: z.strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9_]+$/, "must be of a-z, 0-9 and '_'")
      .refine((name) => !lakeFolders.has(name), "must not be one of Fanlake's own folders in the lake"),
    path: z.string().startsWith('/').optional(),
    partitionBy: z.array(z.string().min(1)).readonly().default([]),
    format: z.enum(['delta', 'parquet']).default('delta'),
    mode: z.enum(['append', 'replace', 'replacePartitions', 'replaceSource']).default('append'),
    columnNames: z.enum(['clean', 'strict']).default('clean'),
  }),
  /** Whether a query that several tasks can't share may take the whole input in one task. */
  allowSingleTask: z.boolean().default(false),
  limits: z
    .strictObject({
      maxBadRows: wholeNumber.default(0),
      maxFailedTasks: wholeNumber.default(0),
      deadlineMinutes: z
        .int('must be a whole number')
        .min(1, 'must be 1 or more')
        .max(longestDeadlineMinutes, `must be at most ${longestDeadlineMinutes} (7 days)`)
        .default(1440),
    })
    .prefault({}),
});

/** A job as a user writes it: everything but `name`, `input` and `table.name` has a default. */
export type JobDeclaration = z.input<typeof jobSchema>;

/** A job with every default filled in. */
export type Job = z.output<typeof jobSchema>;

function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  const shapes: Record<string, readonly string[]> = {
    '': Object.keys(jobSchema.shape),
    input: Object.keys(jobSchema.shape.input.shape),
    'input.format': Object.keys(formatOptions.shape),
    table: Object.keys(jobSchema.shape.table.shape).filter((key) => key !== 'path'),
    limits: ['maxBadRows', 'maxFailedTasks', 'deadlineMinutes'],
  };
  if (path[0] === 'inputs') return Object.keys(sideOptions.shape);
  return shapes[path.join('.')] ?? [];
}

type Issue = z.core.$ZodIssue;

/** The issues of the union member that fits best: an object is judged as options, a string as a format's name. */
function unfold(issue: Issue, input: unknown): readonly Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const given = issue.path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    input,
  );
  const member = issue.errors[typeof given === 'object' ? 1 : 0] ?? [];
  return member.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

function describeIssue(issue: Issue, input: unknown): string {
  const at = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.path);
    return issue.keys.map((key) => `'${[...issue.path, key].join('.')}' is not a key of a job${didYouMean(key, known)}`).join('; ');
  }
  const given = issue.path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    input,
  );
  if (given === undefined && issue.code !== 'custom') return at === '' ? 'a job must be an object' : `'${at}' is missing`;
  const shown = typeof given === 'string' || typeof given === 'number' ? ` (found ${JSON.stringify(given)})` : '';
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String);
    const hint = typeof given === 'string' ? didYouMean(given, values) : '';
    return `'${at}' must be one of ${values.map((value) => JSON.stringify(value)).join(', ')}${shown}${hint}`;
  }
  return `'${at}' ${issue.message.startsWith('must') || issue.message.startsWith('belongs') ? issue.message : `is wrong: ${issue.message}`}${shown}`;
}

/**
 * A job from what a user wrote, with every default filled in.
 * @param source where it was written, for the message
 * @throws FanlakeError `job.invalid` with all mistakes in one message, the nearest known key named
 */
export function parseJob(declaration: unknown, source = 'the job'): Job {
  const parsed = jobSchema.safeParse(declaration);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.flatMap((issue) => unfold(issue, declaration)).map((issue) => describeIssue(issue, declaration));
  const name = typeof declaration === 'object' && declaration !== null ? Reflect.get(declaration, 'name') : undefined;
  const which = typeof name === 'string' ? `${source} '${name}'` : source;
  throw new FanlakeError('job.invalid', `${which} can't be used: ${mistakes.join('; ')}. See CONTRIBUTING.md for a job's keys.`, {
    mistakes,
  });
}

/**
 * Declares a job: checks it at once and fills in the defaults.
 * @throws FanlakeError `job.invalid`
 */
export function defineJob(declaration: JobDeclaration): Job {
  return parseJob(declaration);
}
