import type { AggregateCall, Decomposed, Form } from './aggregate-call.ts';
import { avg, count, countIf, same, sum } from './aggregate-sums.ts';

const forms: ReadonlyMap<string, Form> = new Map(
  Object.entries({
    count_star: count,
    count,
    count_if: countIf,
    countif: countIf,
    sum,
    avg,
    mean: avg,
    min: same,
    max: same,
    bool_and: same,
    bool_or: same,
    bit_and: same,
    bit_or: same,
    bit_xor: same,
  }),
);

/** Aggregates whose value is the same whether or not equal arguments count once. */
const blindToRepeats: ReadonlySet<string> = new Set(['min', 'max', 'bool_and', 'bool_or', 'bit_and', 'bit_or']);

/**
 * How an aggregate is computed in parts.
 * @returns null when it needs the whole group in one place (the planner then shuffles rows), `refused` with a sentence when not even then the answer is that of one
 * DuckDB
 */
export function decompose(call: AggregateCall): Decomposed | { readonly refused: string } | null {
  const form = forms.get(call.name);
  if (form === undefined) return null;
  if (call.distinct && !blindToRepeats.has(call.name)) return null;
  return form(call);
}
