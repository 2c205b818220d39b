import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { exitCodeOfError, exitCodeOfReceipt } from '../../cli/exit-code.ts';
import { listInput } from '../../cli/local/input-list.ts';
import { LocalFanlake } from '../../cli/local/local-fanlake.ts';
import { engineShare } from '../../cli/local/machine.ts';
import { waitForEnd } from '../../cli/local/run-job.ts';
import { identifyRun } from '../../cli/store/identify-run.ts';
import { isPlanningMistake } from '../../functions/coordinator/draft-plan.ts';
import { planRun } from '../../functions/coordinator/plan-run.ts';
import { asFanlakeError, type ErrorReport } from '../../functions/core/errors.ts';
import { type JobDeclaration, parseJob } from '../../functions/core/job.ts';
import type { Receipt } from '../../functions/core/receipt.ts';

const workers = 2;

/** A run as a test asks for it. */
export interface WantedRun {
  /** Paths, as `--input` takes them. */
  readonly input: readonly string[];
  readonly table: string;
  readonly query?: string;
  readonly splitBytes?: number;
  readonly maxBadRows?: number;
  readonly format?: JobDeclaration['input']['format'];
  readonly columns?: Readonly<Record<string, string>>;
  readonly unknownKeys?: JobDeclaration['input']['unknownKeys'];
  readonly partitionBy?: readonly string[];
  readonly tableFormat?: 'delta' | 'parquet';
  /** Called when the plan is stored and its tasks are about to be sent. */
  readonly beforeTasks?: () => void;
}

/** How a run ended: a receipt, or an error before there was one; with the exit code of the command either way. */
export interface EndedRun {
  readonly exitCode: number;
  readonly receipt: Receipt | null;
  readonly error: ErrorReport | null;
}

/** A home with warm worker processes, for tests of many small runs: what `fanlake run` does, without a new process for each. */
export class WarmHome {
  readonly folder: string;
  readonly home: string;
  private readonly fanlake: LocalFanlake;
  private names = 0;

  private constructor(parent: string) {
    this.folder = realpathSync(mkdtempSync(join(parent, 'fanlake-e2e-')));
    this.home = join(this.folder, 'home');
    this.fanlake = new LocalFanlake(this.home);
    this.fanlake.start(workers, engineShare(workers));
  }

  static async open(parent = tmpdir()): Promise<WarmHome> {
    const warm = new WarmHome(parent);
    await warm.fanlake.warm();
    return warm;
  }

  async close(): Promise<void> {
    await this.fanlake.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The scratch folder of this process's planner. */
  get lake(): string {
    return join(this.home, 'lake');
  }

  /** A table's name that no other test of this home has. */
  newTable(): string {
    return `t${this.names++}`;
  }

  /** Writes an input file in a folder of its own; answers its path. */
  file(name: string, content: string | Uint8Array): string {
    const path = join(this.folder, `in${this.names++}`, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  tablePath(table: string): string {
    return join(this.lake, table);
  }

  async run(wanted: WantedRun): Promise<EndedRun> {
    try {
      const receipt = await this.perform(wanted);
      return { exitCode: exitCodeOfReceipt(receipt), receipt, error: receipt.error };
    } catch (thrown) {
      const error = asFanlakeError(thrown);
      return { exitCode: exitCodeOfError(error.code), receipt: null, error: error.toReport() };
    }
  }

  private async perform(wanted: WantedRun): Promise<Receipt> {
    const {
      input,
      table,
      query,
      format,
      columns,
      unknownKeys,
      partitionBy = [],
      tableFormat = 'delta',
      maxBadRows = 0,
      splitBytes = null,
    } = wanted;
    const job = parseJob({
      name: 'e2e',
      input: {
        ...(format === undefined ? {} : { format }),
        ...(columns === undefined ? {} : { columns }),
        ...(unknownKeys === undefined ? {} : { unknownKeys }),
      },
      ...(query === undefined ? {} : { query }),
      table: { name: table, partitionBy: [...partitionBy], format: tableFormat },
      limits: { maxBadRows },
    });
    const request = { paths: input, include: [], exclude: [], currentFolder: this.folder };
    const objects = await listInput(this.fanlake.home, request);
    const { run } = await identifyRun(this.fanlake.home, { job, table, objects, again: false });
    const { beforeTasks } = wanted;
    const context =
      beforeTasks === undefined
        ? this.fanlake.context
        : {
            ...this.fanlake.context,
            tasks: {
              send: (...sent: Parameters<LocalFanlake['context']['tasks']['send']>) => {
                beforeTasks();
                return this.fanlake.context.tasks.send(...sent);
              },
            },
          };
    const onError = (error: unknown) => (isPlanningMistake(error) ? 'throw' : 'record');
    const plan = await planRun(context, { job, run, epoch: 0, table, objects, splitBytes }, onError);
    return waitForEnd(this.fanlake, plan, () => {});
  }
}
