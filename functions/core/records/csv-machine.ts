import type { CsvDialect } from './csv-dialect.ts';
import { action, isPartial, state, transitionTable } from './csv-states.ts';

/**
 * Why the engine's strict reader would refuse a record as syntax, or drop it without an error, as it does these two: `unterminated-quote`, at the end
 * of the input only, and `comment`, where a comment stands after a field of spaces.
 */
export type RecordProblem = 'text-after-quote' | 'newline' | 'unterminated-quote' | 'comment';

/**
 * `blank`: nothing before the newline, which the engine skips (with one column it gives a NULL row where '' is a null string); `comment`: nothing but
 * spaces before the comment byte, which gives no row; `row`: all others. A record with a problem is always a row.
 */
export type RecordKind = 'row' | 'blank' | 'comment';

/**
 * Called once per record, in order. `[start, end)` are offsets and include the newline. `fields` is the number of delimiters + 1, and 0 for a blank
 * or comment record.
 */
export type OnRecord = (start: number, end: number, fields: number, problem: RecordProblem | null, kind: RecordKind) => void;

export interface MachineStart {
  /** Of the first byte that will be fed. */
  readonly offset: number;
  /** Where the machine stands there, as csv-states.ts numbers it; at the start of a record when absent. */
  readonly state?: number;
}

/**
 * Decides byte by byte where records start, as the engine's strict reader does (DuckDB 1.5.5; formats.md section 2). Works on bytes fed one buffer
 * after the other, cut anywhere.
 *
 * A newline other than the dialect's makes its record bad (`newline`), and this is where that record ends:
 * - dialect LF: a CR outside quotes, followed by an LF or not, doesn't end the record; the next LF outside quotes does;
 * - dialect CR: the same with the two exchanged;
 * - dialect CRLF: a CR without LF doesn't end the record, an LF without CR does.
 * After the odd newline a field starts, so a quote there opens. At the end of the input a CR of the CRLF dialect ends its record and is no
 * problem: the engine reads it so. Stricter than the engine on purpose: a foreign newline at the very start of a file (it skips it), right after a
 * delimiter (it ends the row there) or in a comment (it makes the rest a row), and part of a longer delimiter after a closing quote (it takes it into
 * the value).
 *
 * Started in the middle of a record, the first report is of the rest of that record, from the start offset on.
 */
export class CsvMachine {
  /** LF and CR bytes inside quotes, from the start up to the end of the record being reported. */
  newlinesInsideQuotes = 0;
  private readonly table: Uint16Array;
  private readonly newlineBytes: number;
  private readonly onRecord: OnRecord;
  private readonly stopAt: number;
  private state: number;
  private offset: number;
  private recordStart: number;
  private fields = 1;
  private problem: RecordProblem | null = null;
  private isComment = false;

  /** @param stopAt the machine stops after the first record that ends at or after this offset */
  constructor(dialect: CsvDialect, start: MachineStart, onRecord: OnRecord, stopAt = Number.POSITIVE_INFINITY) {
    this.table = transitionTable(dialect);
    this.newlineBytes = dialect.newline.length;
    this.onRecord = onRecord;
    this.stopAt = stopAt;
    this.offset = start.offset;
    this.recordStart = start.offset;
    this.state = start.state ?? state.fieldStart;
  }

  /** Takes the next bytes. Returns false once the stop offset is reached: what follows that record isn't looked at, and nothing may be fed any more. */
  feed(bytes: Uint8Array): boolean {
    const { table, offset } = this;
    let row = this.state * 256;
    for (let i = 0; i < bytes.length; i++) {
      // most bytes change nothing; looked at with the row fixed they don't wait for each other, which doubles the speed
      while (i < bytes.length && table[row + (bytes[i] ?? 0)] === row) i++;
      if (i === bytes.length) break;
      const entry = table[row + (bytes[i] ?? 0)] ?? 0;
      row = entry & 0xff00;
      if (entry === row) continue;
      if (entry - row === action.field) {
        this.fields++;
        continue;
      }
      this.offset = offset + i + 1;
      this.act(entry & 0xff);
      if ((entry & action.end) !== 0 && this.offset >= this.stopAt) return false;
    }
    this.state = row / 256;
    this.offset = offset + bytes.length;
    return true;
  }

  /** Call after the last byte of the source: reports what stands after the last newline. */
  finish(): void {
    if (this.offset === this.recordStart) return;
    if (this.state === state.quoted || this.state === state.escaped) this.problem ??= 'unterminated-quote';
    if (isPartial(this.state, state.closed1)) this.problem ??= 'text-after-quote';
    this.report(this.state === state.carriageReturn ? 1 : 0);
  }

  /** Whether what was fed ends with a newline that ends a record, or is empty. */
  get endsWithNewline(): boolean {
    return this.offset === this.recordStart || this.state === state.carriageReturn;
  }

  private act(actions: number): void {
    if ((actions & action.quotedNewline) !== 0) this.newlinesInsideQuotes++;
    if ((actions & action.oddNewline) !== 0) this.problem ??= 'newline';
    if ((actions & action.textAfterQuote) !== 0) this.problem ??= 'text-after-quote';
    if ((actions & action.field) !== 0) this.fields++;
    if ((actions & action.comment) !== 0 && this.offset - 1 === this.recordStart) this.isComment = true;
    if ((actions & action.commentAfterSpace) !== 0) {
      if (this.fields > 1) this.problem ??= 'comment';
      else this.isComment = true;
    }
    if ((actions & action.end) !== 0) this.report(this.newlineBytes);
  }

  /** Reports the record that ends at `offset`, of which the last `newlineBytes` are its newline. */
  private report(newlineBytes: number): void {
    const { recordStart, offset, problem } = this;
    const isBlank = offset - recordStart === newlineBytes;
    const kind = problem !== null ? 'row' : this.isComment ? 'comment' : isBlank ? 'blank' : 'row';
    const fields = kind === 'row' ? this.fields : 0;
    this.recordStart = offset;
    this.fields = 1;
    this.problem = null;
    this.isComment = false;
    this.onRecord(recordStart, offset, fields, problem, kind);
  }
}
