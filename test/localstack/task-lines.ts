import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lambdaProcesses } from '../soak/lambda-processes.ts';
import { stackName, until } from './deployment.ts';

/** Which tasks: those of a job, or only those of its merge stages. */
export interface TasksOf {
  readonly job: string;
  readonly merges?: boolean;
}

/** What the workers' logs tell of tasks: as the functions write them, which CloudWatch has only when they are done. */
export interface TaskLines {
  readonly begun: number;
  /** Done, failed or left alone; not those whose worker was killed. */
  readonly ended: number;
}

/** Reads the logs of the workers, of which there is one in `lambdaLogs` for each. */
export function taskLines(lambdaLogs: string, { job, merges = false }: TasksOf): TaskLines {
  const files = readdirSync(lambdaLogs).filter((name) => name.startsWith(`${stackName}-FanlakeWorker`));
  const lines = files
    .flatMap((name) => readFileSync(join(lambdaLogs, name), 'utf8').split('\n'))
    .filter((line) => line.includes(`"run":"${job}-`) && (!merges || /"stage":[1-9]/.test(line)));
  const count = (message: RegExp): number => lines.filter((line) => message.test(line)).length;
  return { begun: count(/"message":"task begins"/), ended: count(/"message":"task (done|failed|left alone)/) };
}

/** So long a task has shown that it lives: of one that is killed before that, the message comes again after the queue's own half an hour. */
const livesAfterMs = 1_000;

/** What a function has written is in its file by then. */
const writtenAfterMs = 200;

/**
 * Kills the workers while some of these tasks are in their middle.
 * @returns how many had begun
 */
export async function killWorkersInTheMiddle(lambdaLogs: string, tasks: TasksOf): Promise<number> {
  let begun = 0;
  let sinceMs = Date.now();
  await until(`some tasks of ${tasks.job} have run for a second and have not ended`, async () => {
    const now = taskLines(lambdaLogs, tasks);
    if (now.begun !== begun) [begun, sinceMs] = [now.begun, Date.now()];
    if (now.begun === now.ended || Date.now() - sinceMs <= livesAfterMs) return false;
    const workers = lambdaProcesses(stackName).filter(({ kind }) => kind === 'worker');
    const signalAll = (signal: NodeJS.Signals): void => workers.forEach(({ pid }) => void process.kill(pid, signal));
    // they stand still while we look again: what is in its middle then is killed there
    signalAll('SIGSTOP');
    await sleep(writtenAfterMs);
    const { begun: sure, ended } = taskLines(lambdaLogs, tasks);
    const inTheMiddle = sure > ended;
    signalAll(inTheMiddle ? 'SIGKILL' : 'SIGCONT');
    return inTheMiddle;
  });
  return begun;
}
