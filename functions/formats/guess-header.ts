/** What a field looks like. */
type Kind = 'empty' | 'number' | 'time' | 'boolean' | 'text';

function kindOf(text: string): Kind {
  const trimmed = text.trim();
  if (trimmed === '') return 'empty';
  if (/^[+-]?(\d[\d_]*(\.\d*)?|\.\d+)(e[+-]?\d+)?%?$/i.test(trimmed)) return 'number';
  if (/^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}.*)?$/.test(trimmed) || /^\d{1,2}:\d{2}(:\d{2})?/.test(trimmed)) return 'time';
  return /^(true|false)$/i.test(trimmed) ? 'boolean' : 'text';
}

/**
 * Whether the first record names the columns. It does when
 * - none of its fields is a number, date, time or boolean, and at least one isn't empty, and
 * - some column below it holds numbers, dates, times or booleans only;
 * - or, when all columns below it hold text or nothing, its fields are neither empty nor equal and none occurs again in its own column.
 * So a file of text alone is taken to have a header; `header: false` in the job says otherwise.
 * @param rows the first records, the one in question first
 */
export function guessHeader(rows: readonly (readonly string[])[]): boolean {
  const [names, ...below] = rows;
  if (names === undefined) return false;
  const kinds = names.map(kindOf);
  if (!kinds.every((kind) => kind === 'text' || kind === 'empty') || !kinds.includes('text')) return false;
  const columns = names.map((_, i) => below.map((row) => row[i] ?? ''));
  const typed = columns.some((column) => {
    const found = column.map(kindOf).filter((kind) => kind !== 'empty');
    return found.length > 0 && !found.includes('text');
  });
  if (typed) return true;
  const distinct = new Set(names.map((name) => name.trim().toLowerCase()));
  return distinct.size === names.length && !kinds.includes('empty') && names.every((name, i) => !columns[i]?.includes(name));
}

/**
 * Names for the fields of a file: as they are, without a name `column0` (by position), doubles (case doesn't tell names apart in SQL) `a_1`.
 */
export function cleanNames(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  const given = new Set(names.map((name) => name.toLowerCase()));
  return names.map((name, i) => {
    const wanted = name === '' ? `column${i}` : name;
    let unique = wanted;
    for (let n = 1; taken.has(unique.toLowerCase()) || (unique !== name && given.has(unique.toLowerCase())); n++) unique = `${wanted}_${n}`;
    taken.add(unique.toLowerCase());
    return unique;
  });
}
