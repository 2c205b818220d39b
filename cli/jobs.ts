import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { asFanlakeError, FanlakeError } from '../functions/core/errors.ts';
import { type Job, parseJob } from '../functions/core/job.ts';
import { didYouMean } from '../functions/core/nearest.ts';
import { placeOfError, placeOfSyntaxError } from './job-file-place.ts';
import { importedFiles, letJobsImportFanlake } from './package-name.ts';

/** Where the jobs of a folder are declared; the first that is there counts. */
const jobsFiles = ['jobs/index.ts', 'jobs/index.mts', 'jobs/index.js', 'jobs/index.mjs'];

const isFileName = (name: string): boolean => /\.[mc]?[jt]s$/.test(name);

/**
 * All jobs of a file: those that it exports by name, and those of its default export (a job or a list of jobs).
 * @param file null: `jobs/index.ts` of the current folder
 * @param otherwise what to do besides, where the file is missing
 * @throws FanlakeError `job.unknown` when there is no such file, `job.invalid` when it can't be used
 */
export async function loadJobs(file: string | null, currentFolder: string, otherwise = ''): Promise<readonly Job[]> {
  const path = file === null ? standardFile(currentFolder) : resolve(currentFolder, file);
  if (path === null || !existsSync(path)) {
    const looked = file ?? jobsFiles[0];
    throw new FanlakeError(
      'job.unknown',
      `There is no file ${looked} in ${currentFolder} that lists jobs. Go to the folder that has it, or name another with --jobs <file>.${otherwise}`,
      { file: looked },
    );
  }
  const exported = await importFile(path);
  const jobs = new Map<string, Job>();
  for (const declaration of declarationsOf(exported)) {
    const job = parseJob(declaration, `${path}: job`);
    const known = jobs.get(job.name);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(job)) {
      throw new FanlakeError('job.invalid', `${path} has two jobs named '${job.name}'. Give one of them another name.`, { job: job.name });
    }
    jobs.set(job.name, job);
  }
  return [...jobs.values()];
}

/**
 * The job of a name, or of a file when the name ends as one (`./my-job.ts`: its default export, or the only job that it exports).
 * @param jobsFile where to look for names; null: `jobs/index.ts`
 * @throws FanlakeError `job.unknown` with the nearest name and the list; `job.invalid`
 */
export async function findJob(name: string, jobsFile: string | null, currentFolder: string): Promise<Job> {
  if (isFileName(name)) return jobOfFile(name, currentFolder);
  const jobs = await loadJobs(jobsFile, currentFolder, ' Without a job: --query and --table.');
  const found = jobs.find((job) => job.name === name);
  if (found !== undefined) return found;
  const names = jobs.map((job) => job.name);
  const list = names.length === 0 ? 'It lists none.' : `There are: ${names.join(', ')}.`;
  throw new FanlakeError('job.unknown', `No job '${name}' in ${jobsFile ?? jobsFiles[0]}${didYouMean(name, names)}. ${list}`, {
    job: name,
    jobs: names,
  });
}

async function jobOfFile(name: string, currentFolder: string): Promise<Job> {
  const path = resolve(currentFolder, name);
  if (!existsSync(path))
    throw new FanlakeError('job.unknown', `No file ${path}: a job whose name ends so is a file that exports it.`, { file: path });
  const exported = await importFile(path);
  const declared = isDeclaration(exported['default']) ? [exported['default']] : declarationsOf(exported);
  if (declared.length === 1) return parseJob(declared[0], `${path}: job`);
  const advice = declared.length === 0 ? 'Write: export default defineJob({ ... });' : 'Name one of them, and the file with --jobs.';
  throw new FanlakeError('job.invalid', `${path} exports ${declared.length} jobs, and exactly one is needed here. ${advice}`, {
    file: path,
  });
}

function standardFile(currentFolder: string): string | null {
  return jobsFiles.map((file) => resolve(currentFolder, file)).find((path) => existsSync(path)) ?? null;
}

async function importFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  letJobsImportFanlake(path);
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (thrown) {
    throw invalidIn(path, thrown);
  }
}

/** What went wrong in a file of jobs, or in one that it imports, with the place as an editor opens it. */
function invalidIn(path: string, thrown: unknown): FanlakeError {
  const found = asFanlakeError(thrown).message.replace(/^an unexpected error: /, '');
  const place = thrown instanceof Error ? (placeOfError(thrown) ?? placeOfParser(thrown)) : null;
  if (place === null) return new FanlakeError('job.invalid', `Loading the jobs of ${path} failed: ${found}`, { file: path }, thrown);
  const { path: at, line, excerpt } = place;
  const shown = excerpt === '' ? '' : `\n${excerpt}`;
  return new FanlakeError(
    'job.invalid',
    `Loading the jobs of ${path} failed at ${at}:${line}: ${found}${shown}`,
    { file: path, at, line },
    thrown,
  );
}

const placeOfParser = (thrown: Error) => (thrown instanceof SyntaxError ? placeOfSyntaxError(importedFiles(), thrown.message) : null);

/** Looks like a job's declaration, so that its mistakes are worth telling; functions and constants beside jobs are passed over. */
function isDeclaration(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['name', 'input', 'table', 'query'].filter((key) => Object.hasOwn(value, key)).length >= 2
  );
}

function declarationsOf(exported: Readonly<Record<string, unknown>>): readonly unknown[] {
  return Object.entries(exported).flatMap(([name, value]) => {
    if (Array.isArray(value)) return name === 'default' ? value : value.filter(isDeclaration);
    return isDeclaration(value) ? [value] : [];
  });
}
