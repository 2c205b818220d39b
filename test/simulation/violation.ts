/** What must never be, is. */
export class Violation extends Error {
  override readonly name = 'Violation';
  /** Which invariant, in a few words. */
  readonly invariant: string;
  readonly found: string;

  constructor(invariant: string, found: string) {
    super(`${invariant}: ${found}`);
    this.invariant = invariant;
    this.found = found;
  }
}
