import { type AggregateCall, type Decomposed, ownPartial, partial } from './aggregate-call.ts';
import { again, allElements, sortKey } from './aggregate-choices.ts';

/** A text constant as the query writes it: it must mean the same over parts. */
const constant = /^'([^']|'')*'$/;

/** Without ORDER BY the parts' lists are put in order, so that the same parts always give the same list. */
function unordered(column = ''): string {
  return `list_sort(list(${column}) FILTER (WHERE ${column} IS NOT NULL))`;
}

/** The elements with what they are put in order by. */
function keyed(call: AggregateCall, x: string, only: string | null): string {
  return partial(call, `list({'key': ${sortKey(call.orderBy)}, 'x': ${x}})`, only);
}

function inOrder(column: string | undefined): string {
  return `list_transform(list_sort(${allElements(column)}), _e -> _e.x)`;
}

/**
 * `list`, `array_agg`. Without ORDER BY the elements come in no particular order, as SQL has it, and as in one DuckDB with several threads; with it, elements that
 * tie do.
 */
export function list(call: AggregateCall): Decomposed {
  const ordered = call.orderBy.length > 0;
  return {
    partials: [ordered ? keyed(call, call.args[0]?.sql ?? '', null) : ownPartial(call)],
    combine: ([p]) => [ordered ? allElements(p) : `flatten(${unordered(p)})`],
    final: ([p]) => `CAST(${ordered ? inOrder(p) : `flatten(${unordered(p)})`} AS ${call.type})`,
    promise: 'exact',
  };
}

/** `string_agg` and its other names, with a constant between the texts; without ORDER BY they come in no particular order, as for `list`. */
export function texts(call: AggregateCall): Decomposed | null {
  const [x, separator = { sql: "','", type: 'VARCHAR' }] = call.args;
  if (x === undefined || !constant.test(separator.sql)) return null;
  const joined = (elements: string): string => `array_to_string(${elements}, ${separator.sql})`;
  const ordered = call.orderBy.length > 0;
  return {
    partials: [ordered ? keyed(call, `CAST(${x.sql} AS VARCHAR)`, `${x.sql} IS NOT NULL`) : ownPartial(call)],
    combine: ([p]) => [ordered ? allElements(p) : joined(unordered(p))],
    final: ([p]) => `CAST(${joined(ordered ? inOrder(p) : unordered(p))} AS ${call.type})`,
    promise: 'exact',
  };
}

/** `bitstring_agg(x, least, most)`; without bounds DuckDB takes them from the statistics of a table, which parts don't have. */
export function bitstring(call: AggregateCall): Decomposed | { readonly refused: string } {
  if (call.args.length === 3) return again(call, 'bit_or');
  return {
    refused:
      'bitstring_agg(x) takes its bounds from the statistics of a table, and the input has none. Write them: bitstring_agg(x, least, most).',
  };
}
