import type { AggregateCall, Decomposed } from './aggregate-call.ts';
import { anyValue, arbitrary, extreme, extremeBy, outermost, same } from './aggregate-choices.ts';
import { bitstring, list, texts } from './aggregate-lists.ts';
import { averageOfPairs, relation, shape, spread } from './aggregate-moments.ts';
import { avg, count, countIf, favg, fsum, product, sum } from './aggregate-sums.ts';

type Answer = Decomposed | { readonly refused: string } | null;

/** Makes the decomposition of a call of an aggregate. */
type Form = (call: AggregateCall) => Answer;

const refuse =
  (refused: string): Form =>
  () => ({ refused });

/** Needs every row of the group, whatever the order: exact where DuckDB's own answer is. */
const wholeGroup: Form = () => null;

const byForm: readonly (readonly [Form, readonly string[]])[] = [
  [count, ['count', 'count_star', 'regr_count']],
  [countIf, ['count_if', 'countif']],
  [sum, ['sum']],
  [fsum, ['fsum', 'kahan_sum', 'sumkahan']],
  [avg, ['avg', 'mean']],
  [favg, ['favg']],
  [product, ['product']],
  [same, ['bool_and', 'bool_or', 'bit_and', 'bit_or', 'bit_xor']],
  [extreme, ['min', 'max']],
  [extremeBy, ['arg_min', 'argmin', 'min_by', 'arg_max', 'argmax', 'max_by', 'arg_min_null', 'arg_max_null']],
  [outermost, ['first', 'last']],
  [anyValue, ['any_value']],
  [arbitrary, ['arbitrary']],
  [list, ['list', 'array_agg']],
  [texts, ['string_agg', 'group_concat', 'listagg']],
  [bitstring, ['bitstring_agg']],
  [spread, ['var_pop', 'var_samp', 'variance', 'stddev', 'stddev_pop', 'stddev_samp', 'sem']],
  [relation, ['corr', 'covar_pop', 'covar_samp', 'regr_intercept', 'regr_r2', 'regr_slope', 'regr_sxx', 'regr_sxy', 'regr_syy']],
  [averageOfPairs, ['regr_avgx', 'regr_avgy']],
  [shape, ['skewness', 'kurtosis', 'kurtosis_pop']],
  [
    wholeGroup,
    [
      'approx_count_distinct',
      'approx_quantile',
      'arg_max_nulls_last',
      'arg_min_nulls_last',
      'entropy',
      'histogram',
      'histogram_exact',
      'mad',
      'median',
      'mode',
      'quantile',
      'quantile_cont',
      'quantile_disc',
    ],
  ],
  [
    refuse(
      'approx_top_k gives another answer for another order of rows, and rows of several tasks have none. Count each value instead: SELECT x, count(*) AS n ... GROUP BY x ORDER BY n DESC LIMIT k.',
    ),
    ['approx_top_k'],
  ],
  [
    refuse('reservoir_quantile draws rows at random, so that a task done twice gives two answers. Write approx_quantile or quantile_cont.'),
    ['reservoir_quantile'],
  ],
  [refuse("sum_no_overflow is DuckDB's own, and not for queries. Write sum."), ['sum_no_overflow']],
];

/** Names that DuckDB lists as aggregates, and that only work with OVER (...). */
export const windowOnly: ReadonlySet<string> = new Set([
  'cume_dist',
  'dense_rank',
  'fill',
  'first_value',
  'lag',
  'last_value',
  'lead',
  'nth_value',
  'ntile',
  'percent_rank',
  'rank',
  'rank_dense',
  'row_number',
]);

const forms: ReadonlyMap<string, Form> = new Map(byForm.flatMap(([form, names]) => names.map((name) => [name, form] as const)));

/** Aggregates that give the same whether or not equal arguments count once. */
const blindToRepeats: ReadonlySet<string> = new Set([
  'any_value',
  'arbitrary',
  'bit_and',
  'bit_or',
  'bitstring_agg',
  'bool_and',
  'bool_or',
  'max',
  'min',
]);

/** Whether values are compared by a collation, which part columns don't have; it may be found where it isn't, in a text. */
function isCollated({ args, orderBy }: AggregateCall): boolean {
  return [...args, ...orderBy].some(({ sql }) => /\bcollate\b/i.test(sql));
}

/**
 * How several tasks compute an aggregate.
 * @returns null when it needs the whole group in one place; `refused`, a sentence for the user, when not even there the answer is that of one DuckDB
 */
export function decompose(call: AggregateCall): Answer {
  if (windowOnly.has(call.name)) return { refused: `${call.name} is a window function. Write ${call.name}(...) OVER (...).` };
  const form = forms.get(call.name);
  if (form === undefined) return { refused: `it isn't known how the rows of several tasks go together in ${call.name}.` };
  const answer = form(call);
  if (answer === null || 'refused' in answer) return answer;
  if (isCollated(call)) return null;
  return call.distinct && !(blindToRepeats.has(call.name) && call.orderBy.length === 0) ? null : answer;
}
