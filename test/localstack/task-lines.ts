import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stackName } from './deployment.ts';

/** Which lines of the workers' logs. */
export interface TaskLines {
  readonly job: string;
  /** What the function says. */
  readonly message: 'task begins' | 'task done';
  /** Only tasks of merge stages. */
  readonly merges?: boolean;
}

/** How many such lines there are: as the functions write them, which CloudWatch has only when they are done. */
export function taskLines(lambdaLogs: string, { job, message, merges = false }: TaskLines): number {
  const files = readdirSync(lambdaLogs).filter((name) => name.startsWith(`${stackName}-FanlakeWorker`));
  const lines = files.flatMap((name) => readFileSync(join(lambdaLogs, name), 'utf8').split('\n'));
  return lines.filter(
    (line) => line.includes(`"message":"${message}"`) && line.includes(`"run":"${job}-`) && (!merges || /"stage":[1-9]/.test(line)),
  ).length;
}
