import { bytes, count, duration } from './numbers.ts';
import type { Style } from './style.ts';
import { cutTo } from './text-width.ts';

/** Where a run stands while its command waits. */
export interface ProgressState {
  readonly run: string;
  readonly finished: number;
  readonly tasks: number;
  readonly inputBytes: number;
}

interface ProgressStream {
  write(text: string): unknown;
}

const redrawMs = 100;
/** Between plain lines, while something goes on. */
const plainLineMs = 5_000;
const barColumns = 24;

/** Says on stderr what a run does: a live bar on a terminal, elsewhere a line now and then. */
export class ProgressView {
  private readonly stream: ProgressStream;
  private readonly style: Style;
  private readonly startedMs = performance.now();
  private message = '';
  private state: ProgressState | null = null;
  private lastLineMs = Number.NEGATIVE_INFINITY;
  private lastFinished = -1;
  private timer: NodeJS.Timeout | null = null;
  private ended = false;

  constructor(stream: ProgressStream, style: Style) {
    this.stream = stream;
    this.style = style;
  }

  /** What is done before there is a plan. */
  begin(message: string): void {
    this.message = message;
    if (this.style.columns === null) this.line(message);
    this.timer = setInterval(() => this.draw(), this.style.columns === null ? plainLineMs : redrawMs);
    this.timer.unref();
  }

  update(state: ProgressState): void {
    if (this.ended) return;
    const first = this.state === null || this.state.run !== state.run || this.state.tasks !== state.tasks;
    this.state = state;
    if (this.style.columns === null) this.drawPlain(first);
    else this.draw();
  }

  /** Takes the bar away; nothing is shown from then on. */
  end(): void {
    this.ended = true;
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    if (this.style.columns !== null) this.stream.write('\r\x1b[K');
  }

  private draw(): void {
    if (this.style.columns === null) this.drawPlain(false);
    else this.stream.write(`\r${cutTo(this.barLine(), this.style.columns - 1)}\x1b[K`);
  }

  private drawPlain(first: boolean): void {
    const { state } = this;
    const now = performance.now();
    if (state === null || (!first && (now - this.lastLineMs < plainLineMs || state.finished === this.lastFinished))) return;
    this.line(`${state.run}: ${this.figures(state)}`);
  }

  private line(text: string): void {
    this.lastLineMs = performance.now();
    this.lastFinished = this.state?.finished ?? -1;
    this.stream.write(`${text}\n`);
  }

  private barLine(): string {
    const { state } = this;
    if (state === null) return `${this.message}  ${this.elapsed()}`;
    return `${progressBar(state.finished, state.tasks)} ${this.figures(state)}`;
  }

  private figures({ finished, tasks, inputBytes }: ProgressState): string {
    return `${count(finished)} of ${count(tasks)} tasks, ${bytes(inputBytes)} of input, ${this.elapsed()}`;
  }

  private elapsed(): string {
    return duration((performance.now() - this.startedMs) / 1000);
  }
}

/** `[#######-----]`, filled in proportion, full only when all is done. */
export function progressBar(done: number, total: number): string {
  const filled = total === 0 ? 0 : Math.min(barColumns, Math.floor((done / total) * barColumns));
  return `[${'█'.repeat(filled)}${'░'.repeat(barColumns - filled)}]`;
}
