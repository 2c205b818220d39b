/** Why several tasks can't answer a query: to stand after "the query". */
export class NotStaged extends Error {
  /** What to write instead; empty where nothing simple helps. */
  readonly instead: string;

  constructor(reason: string, instead = '') {
    super(reason);
    this.instead = instead;
  }
}
