import { FanlakeCommand } from '../e2e/fanlake-command.ts';

/** What a command answered with `--json`: a receipt, or an error before there was one. */
export interface Answer {
  readonly exitCode: number | null;
  readonly run: string | null;
  /** The error's code. */
  readonly code: string | null;
  readonly output: string;
}

export type TypedName = 'run' | 'retry';

/** `fanlake run` and `fanlake retry`, one at a time, typed again whenever they were killed. */
export class TypedCommands {
  /** How often a command was typed again. */
  readonly again: Record<TypedName, number> = { run: 0, retry: 0 };
  private readonly folder: string;
  private readonly options: readonly string[];
  private under: { readonly name: TypedName; readonly command: FanlakeCommand } | null = null;

  /** @param options of each of them */
  constructor(folder: string, options: readonly string[]) {
    this.folder = folder;
    this.options = options;
  }

  /** The one that is under way. */
  get current(): { readonly name: TypedName; readonly pid: number } | null {
    const pid = this.under?.command.child.pid;
    return this.under === null || pid === undefined ? null : { name: this.under.name, pid };
  }

  /** Types it until it ends by itself. */
  async type(name: TypedName, ...args: readonly string[]): Promise<Answer> {
    for (;;) {
      const command = new FanlakeCommand(this.folder, [name, ...args, ...this.options, '--json'], {}, true);
      this.under = { name, command };
      const { code, signal, stdout, stderr } = await command.ended;
      this.under = null;
      if (signal !== 'SIGKILL') return answerOf(code, stdout, stderr);
      this.again[name] += 1;
    }
  }

  /** Types it until its run is committed: one that failed because its workers were killed is tried again. */
  async commit(name: TypedName, ...args: readonly string[]): Promise<Answer> {
    for (;;) {
      const answer = await this.type(name, ...args);
      if (answer.code !== 'task.died') return answer;
    }
  }
}

function answerOf(exitCode: number | null, stdout: string, stderr: string): Answer {
  const output = `${stdout}${stderr}`.trim();
  if (!stdout.startsWith('{')) return { exitCode, run: null, code: null, output };
  const { run = null, error } = JSON.parse(stdout) as { readonly run?: string; readonly error: { readonly code: string } | null };
  return { exitCode, run, code: error?.code ?? null, output };
}
