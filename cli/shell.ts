import type { ProgressView } from './render/progress.ts';
import type { Style } from './render/style.ts';

/** What a command has to say when it is over. */
export interface Answer {
  readonly exitCode: number;
  /** The one document of `--json`. */
  readonly json: unknown;
  /** The same for a person, without a newline at its end. */
  readonly text: string;
  /** What a person is told on stderr besides. */
  readonly note?: string | undefined;
}

/** What a command may use of the process that runs it. */
export interface Shell {
  /** How text on stdout looks. */
  readonly style: Style;
  readonly currentFolder: string;
  /** A view of what goes on, on stderr. */
  progress(): ProgressView;
  /** A line on stderr. */
  note(text: string): void;
  /** Says what a command answers; to be called once. */
  answer(answer: Answer, json: boolean): void;
  /** A line on stdout, for a command that goes on speaking; such a one calls `end`. */
  line(text: string): void;
  end(exitCode: number): void;
  /** Aborted by Ctrl-C or SIGTERM; listening begins with this call. Pressed again after half a second, the process ends at once. */
  interruption(): AbortSignal;
}
