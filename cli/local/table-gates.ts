/**
 * Lets one upload at a time into a table that doesn't exist yet: the first that is committed decides the columns' types, which the next ones then
 * find. Two that learn different types at once would race to create the table, and the loser would fail.
 */
export class TableGates {
  private readonly exists: (table: string) => Promise<boolean>;
  private readonly gates = new Map<string, Gate>();

  constructor(exists: (table: string) => Promise<boolean>) {
    this.exists = exists;
  }

  /** Calls `go` when the run's turn has come. Tell `done` when it has ended. */
  async enter(table: string, run: string, go: () => Promise<void>): Promise<void> {
    const gate = this.gateOf(table);
    if (!gate.open) {
      gate.waiting.push({ run, go });
      return this.advance(table, gate);
    }
    return go();
  }

  /** A run that is under way already. */
  occupy(table: string, run: string): void {
    this.gateOf(table).inside.add(run);
  }

  async done(table: string, run: string): Promise<void> {
    const gate = this.gateOf(table);
    gate.inside.delete(run);
    if (!gate.open) await this.advance(table, gate);
  }

  private async advance(table: string, gate: Gate): Promise<void> {
    if (gate.advancing) return;
    gate.advancing = true;
    try {
      gate.open ||= await this.exists(table);
      while (gate.waiting.length > 0 && (gate.open || gate.inside.size === 0)) {
        const next = gate.waiting.shift();
        if (next === undefined) break;
        if (!gate.open) gate.inside.add(next.run);
        await next.go();
      }
    } finally {
      gate.advancing = false;
    }
  }

  private gateOf(table: string): Gate {
    const known = this.gates.get(table);
    if (known !== undefined) return known;
    const gate: Gate = { open: false, advancing: false, inside: new Set(), waiting: [] };
    this.gates.set(table, gate);
    return gate;
  }
}

interface Gate {
  /** The table exists. */
  open: boolean;
  advancing: boolean;
  /** Runs that were let in while it didn't. */
  readonly inside: Set<string>;
  readonly waiting: { readonly run: string; readonly go: () => Promise<void> }[];
}
