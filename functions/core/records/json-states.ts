/** What is wrong with the outer array of a JSON document. */
export type JsonArrayFault =
  | 'not-an-array'
  | 'missing-value'
  | 'missing-comma'
  | 'mismatched-bracket'
  | 'newline-in-string'
  | 'truncated'
  | 'trailing-data';

/** Where the reader of a JSON array document stands. */
export const state = {
  /** At offset 0, where a byte order mark may stand. */
  start: 0,
  mark1: 1,
  mark2: 2,
  /** Before the opening bracket. */
  before: 3,
  /** After the opening bracket: a value or the closing one. */
  first: 4,
  /** After a comma: a value. */
  value: 5,
  /** In a number, true, false or null of the outer array. */
  scalar: 6,
  /** In a string of the outer array. */
  string: 7,
  stringEscape: 8,
  /** In an object or array. */
  nested: 9,
  nestedString: 10,
  nestedEscape: 11,
  /** After a value. */
  after: 12,
  /** After the closing bracket. */
  end: 13,
  /** After a problem: the rest is passed through. */
  failed: 14,
} as const;

/** What is done to a byte, or because of it. Above `fault`, one more for each entry of `faults`. */
export const action = { none: 0, blank: 1, begin: 2, push: 3, pop: 4, separate: 5, fault: 6 } as const;

export const faults: readonly JsonArrayFault[] = [
  'not-an-array',
  'missing-value',
  'missing-comma',
  'mismatched-bracket',
  'newline-in-string',
  'trailing-data',
];

const stateCount = 15;

/** At `state * 256 + byte` stands `next state * 256 + action`. */
export const transitions = buildTransitions();

function buildTransitions(): Uint16Array {
  const table = new Uint16Array(stateCount * 256);
  for (let from = 0; from < stateCount; from++) {
    for (let byte = 0; byte < 256; byte++) table[from * 256 + byte] = transition(from, byte, String.fromCharCode(byte));
  }
  return table;
}

function entry(next: number, done: number = action.none): number {
  return next * 256 + done;
}

function fault(name: JsonArrayFault): number {
  return entry(state.failed, action.fault + faults.indexOf(name));
}

function transition(from: number, byte: number, character: string): number {
  if (from === state.failed) return entry(state.failed);
  if (from === state.mark1) return byte === 0xbb ? entry(state.mark2, action.blank) : fault('not-an-array');
  if (from === state.mark2) return byte === 0xbf ? entry(state.before, action.blank) : fault('not-an-array');
  if (from === state.stringEscape || from === state.nestedEscape || from === state.string || from === state.nestedString) {
    return inString(from, character);
  }
  if (character === '\n' || character === '\r') return entry(afterWhite(from), action.blank);
  if (from === state.nested) return inNested(character);
  if (character === ' ' || character === '\t') return entry(afterWhite(from));
  if (from <= state.before) return beforeArray(from, byte, character);
  if (from === state.end) return fault('trailing-data');
  if (from === state.scalar || from === state.after) return afterValue(from, character);
  return beforeValue(from, character);
}

/** White space ends a scalar and, at offset 0, rules out a byte order mark. */
function afterWhite(from: number): number {
  if (from === state.scalar) return state.after;
  return from === state.start ? state.before : from;
}

function inString(from: number, character: string): number {
  const isTop = from === state.string || from === state.stringEscape;
  const isEscaped = from === state.stringEscape || from === state.nestedEscape;
  if (character === '\n' || character === '\r') return fault('newline-in-string');
  if (isEscaped) return entry(isTop ? state.string : state.nestedString);
  if (character === '\\') return entry(isTop ? state.stringEscape : state.nestedEscape);
  if (character === '"') return entry(isTop ? state.after : state.nested);
  return entry(from);
}

function inNested(character: string): number {
  if (character === '"') return entry(state.nestedString);
  if (character === '{' || character === '[') return entry(state.nested, action.push);
  if (character === '}' || character === ']') return entry(state.nested, action.pop);
  return entry(state.nested);
}

function beforeArray(from: number, byte: number, character: string): number {
  if (from === state.start && byte === 0xef) return entry(state.mark1, action.blank);
  return character === '[' ? entry(state.first, action.blank) : fault('not-an-array');
}

function beforeValue(from: number, character: string): number {
  if (character === ',') return fault('missing-value');
  if (character === ']') return from === state.first ? entry(state.end, action.blank) : fault('missing-value');
  if (character === '}') return fault('mismatched-bracket');
  if (character === '"') return entry(state.string, action.begin);
  if (character === '{' || character === '[') return entry(state.nested, action.push);
  return entry(state.scalar, action.begin);
}

function afterValue(from: number, character: string): number {
  if (character === ',') return entry(state.value, action.separate);
  if (character === ']') return entry(state.end, action.blank);
  if (character === '}') return fault('mismatched-bracket');
  const goesOn = from === state.scalar && character !== '"' && character !== '{' && character !== '[';
  return goesOn ? entry(state.scalar) : fault('missing-comma');
}
