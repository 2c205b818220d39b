/** A word as a POSIX shell reads it back: in single quotes where it has characters that mean something to a shell. */
export function shellWord(text: string): string {
  return /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
