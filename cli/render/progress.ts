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
const gap = '  ';
/** A bar of fewer cells says less than the figures that it would take the place of. */
const leastBarColumns = 6;

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
    else this.draw();
    this.timer = setInterval(() => this.draw(), this.style.columns === null ? plainLineMs : redrawMs);
    this.timer.unref();
  }

  /** What is done instead, or how far it is. */
  say(message: string): void {
    if (this.ended) return;
    this.message = message;
    if (this.style.columns !== null) this.draw();
    else if (performance.now() - this.lastLineMs >= plainLineMs) this.line(message);
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
    const columns = (this.style.columns ?? Number.POSITIVE_INFINITY) - 1;
    const elapsed = this.elapsed();
    if (state === null) return `${cutTo(this.message, columns - elapsed.length - gap.length)}${gap}${elapsed}`;
    return fittingLine(state, elapsed, columns);
  }

  private figures(state: ProgressState): string {
    return figuresOf(state, this.elapsed())[0];
  }

  private elapsed(): string {
    return duration((performance.now() - this.startedMs) / 1000);
  }
}

/** What is said of a state, each text shorter than the one before; all begin with the count. */
function figuresOf({ finished, tasks, inputBytes }: ProgressState, elapsed: string): readonly [string, ...string[]] {
  const done = `${count(finished)} of ${count(tasks)} tasks`;
  return [`${done}, ${bytes(inputBytes)} of input, ${elapsed}`, `${done}, ${elapsed}`, done, `${count(finished)}/${count(tasks)}`];
}

/** Bar and figures in at most `columns`: the bar shrinks first, then the figures behind the count go, then the bar. */
function fittingLine(state: ProgressState, elapsed: string, columns: number): string {
  const figures = figuresOf(state, elapsed);
  // room for the last count, so that the bar keeps its length while the count grows
  const growth = count(state.tasks).length - count(state.finished).length;
  for (const text of figures) {
    const cells = Math.min(barColumns, columns - text.length - growth - '[] '.length);
    if (cells >= leastBarColumns) return `${progressBar(state.finished, state.tasks, cells)} ${text}`;
  }
  return figures.find((text) => text.length <= columns) ?? `${count(state.finished)}/${count(state.tasks)}`;
}

/** `[#######-----]`, filled in proportion, full only when all is done. */
export function progressBar(done: number, total: number, cells = barColumns): string {
  const filled = total === 0 ? 0 : Math.min(cells, Math.floor((done / total) * cells));
  return `[${'█'.repeat(filled)}${'░'.repeat(cells - filled)}]`;
}
