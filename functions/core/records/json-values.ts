import { action, faults, type JsonArrayFault, state, transitions } from './json-states.ts';

/** What was found in a JSON array document. */
export interface JsonArraySummary {
  /** Elements begun up to the problem or the end; 0 without a problem is an empty array. */
  readonly elements: number;
  /** The first thing wrong, and the offset of the byte where it shows; that of the end when the document is cut short. */
  readonly problem: { readonly fault: JsonArrayFault; readonly offset: number } | null;
}

const SPACE = 32;
const LF = 10;
const openArray = 0x5b;
const closeArray = 0x5d;

/**
 * Turns a JSON array document, in any layout, into one element a line without moving a byte: newlines between tokens, the outer brackets and a byte
 * order mark become spaces, the commas between elements LFs. Only the outer array and the pairing of brackets are checked; whether an element is valid
 * is left to whoever reads the lines. Bytes after a problem stay as they are.
 */
export class JsonArrayLines {
  private state: number = state.start;
  private elements = 0;
  private offset = 0;
  /** The closing brackets that the element being read still needs, outermost first. */
  private closing = new Uint8Array(64);
  private depth = 0;
  private problem: JsonArraySummary['problem'] = null;

  /** Rewrites the next bytes in place; they may be cut anywhere. */
  push(bytes: Uint8Array): void {
    let row = this.state * 256;
    for (let i = 0; i < bytes.length; i++) {
      // most bytes change nothing; looked at with the row fixed they don't wait for each other
      while (i < bytes.length && transitions[row + (bytes[i] ?? 0)] === row) i++;
      if (i === bytes.length) break;
      const entry = transitions[row + (bytes[i] ?? 0)] ?? 0;
      row = entry & 0xff00;
      if (entry !== row) row = this.act(entry & 0xff, row, bytes, i);
    }
    this.state = row / 256;
    this.offset += bytes.length;
  }

  /** Call after the last byte. */
  finish(): JsonArraySummary {
    if (this.problem === null && this.state !== state.end) {
      this.problem = { fault: this.state < state.first ? 'not-an-array' : 'truncated', offset: this.offset };
    }
    return { elements: this.elements, problem: this.problem };
  }

  /** Returns the row of the next state. */
  private act(done: number, row: number, bytes: Uint8Array, i: number): number {
    if (done === action.blank) bytes[i] = SPACE;
    else if (done === action.separate) bytes[i] = LF;
    else if (done === action.begin) this.elements++;
    else if (done === action.push) this.openBracket(bytes[i] === openArray ? closeArray : 0x7d);
    else if (done === action.pop) return this.closeBracket(bytes[i] ?? 0, i);
    else this.fail(faults[done - action.fault] ?? 'not-an-array', i);
    return row;
  }

  private openBracket(closing: number): void {
    if (this.depth === 0) this.elements++;
    if (this.depth === this.closing.length) {
      const larger = new Uint8Array(2 * this.depth);
      larger.set(this.closing);
      this.closing = larger;
    }
    this.closing[this.depth++] = closing;
  }

  private closeBracket(closing: number, i: number): number {
    this.depth--;
    if (this.closing[this.depth] !== closing) {
      this.fail('mismatched-bracket', i);
      return state.failed * 256;
    }
    return (this.depth === 0 ? state.after : state.nested) * 256;
  }

  private fail(fault: JsonArrayFault, i: number): void {
    this.problem = { fault, offset: this.offset + i };
  }
}
