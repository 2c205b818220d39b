/** What must never be, is. */
export class Violation extends Error {
  override readonly name = 'Violation';
  /** Which invariant, in a few words. */
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.invariant = invariant;
  }
}
