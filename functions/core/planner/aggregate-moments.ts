import { type AggregateCall, type Decomposed, letIn, partial } from './aggregate-call.ts';
import { addCounts, addDoubles, sumDoubles } from './aggregate-sums.ts';

/** A sum of squares or products of distances from the means of two variables (or of one and itself). */
type Deviation = readonly [name: string, of: string, and: string];

/** What is known of a part: how many values, the mean of each variable, and sums of deviations. One STRUCT of DOUBLEs, which is NULL without a value. */
interface Moments {
  readonly partial: string;
  readonly means: readonly string[];
  readonly deviations: readonly Deviation[];
}

/** Several parts' moments made one (Chan, Golub and LeVeque), in an order that only depends on the moments. */
function merged({ means, deviations }: Moments, column = ''): string {
  const far = (mean: string): string => `(_b.${mean} - _a.${mean})`;
  const fields = [
    `'n': _a.n + _b.n`,
    ...means.map((mean) => `'${mean}': _a.${mean} + ${far(mean)} * _b.n / (_a.n + _b.n)`),
    ...deviations.map(([name, of, and]) => `'${name}': _a.${name} + _b.${name} + ${far(of)} * ${far(and)} * _a.n * _b.n / (_a.n + _b.n)`),
  ];
  return `list_reduce(list_sort(list(${column}) FILTER (WHERE ${column} IS NOT NULL)), (_a, _b) -> {${fields.join(', ')}})`;
}

/** Over no value it is NULL. */
function overValues(value: string): string {
  return `CASE WHEN _s.n > 0 THEN ${value} END`;
}

function decomposed(call: AggregateCall, moments: Moments, value: string): Decomposed {
  return {
    partials: [moments.partial],
    combine: ([p]) => [merged(moments, p)],
    final: ([p]) => `CAST(${letIn('_s', merged(moments, p), overValues(value))} AS ${call.type})`,
    promise: 'double',
  };
}

/** The mean over rows; of equal values it is exactly their value, so that their variance is 0. */
function mean(call: AggregateCall, x: string, average: string, only: string): string {
  const of = (aggregate: string): string => partial(call, aggregate, only);
  return `CASE WHEN ${of(`min(${x})`)} = ${of(`max(${x})`)} THEN ${of(`min(${x})`)} ELSE ${of(average)} END`;
}

function struct(n: string, fields: Readonly<Record<string, string>>): string {
  const all = Object.entries({ n: `CAST(${n} AS DOUBLE)`, ...fields });
  return `CASE WHEN ${n} > 0 THEN {${all.map(([name, sql]) => `'${name}': ${sql}`).join(', ')}} END`;
}

/** DuckDB throws where such a value overflows or isn't a number. */
function checked(value: string, what: string): string {
  return `CASE WHEN isfinite(${value}) THEN ${value} ELSE error('${what} is out of range!') END`;
}

const varPop = (deviation: string, what: string): string => `CASE WHEN _s.n > 1 THEN ${checked(`_s.${deviation} / _s.n`, what)} ELSE 0 END`;

const varSamp = '_s.q / (_s.n - 1)';

/** Of an aggregate of one variable, its value of the moments n, m and q. */
const ofOne: Readonly<Record<string, string>> = {
  var_pop: varPop('q', 'VARPOP'),
  var_samp: `CASE WHEN _s.n > 1 THEN ${checked(varSamp, 'VARSAMP')} END`,
  variance: `CASE WHEN _s.n > 1 THEN ${checked(varSamp, 'VARSAMP')} END`,
  stddev_pop: `sqrt(${varPop('q', 'STDDEV_POP')})`,
  stddev_samp: `CASE WHEN _s.n > 1 THEN sqrt(${checked(varSamp, 'STDDEV_SAMP')}) END`,
  stddev: `CASE WHEN _s.n > 1 THEN sqrt(${checked(varSamp, 'STDDEV_SAMP')}) END`,
  // of one value that isn't finite too
  sem: checked('(sqrt(_s.q / _s.n) / sqrt(_s.n) + (_s.m - _s.m))', 'SEM'),
};

/** `var_pop`, `stddev`, `sem` and the like. */
export function spread(call: AggregateCall): Decomposed | null {
  const value = ofOne[call.name];
  const arg = call.args[0];
  if (value === undefined || arg === undefined) return null;
  const x = `CAST(${arg.sql} AS DOUBLE)`;
  const n = partial(call, `count(${arg.sql})`);
  const m = mean(call, x, `avg(${x})`, 'true');
  const moments: Moments = {
    partial: struct(n, { m, q: `${partial(call, `var_pop(${x})`)} * ${n}` }),
    means: ['m'],
    deviations: [['q', 'm', 'm']],
  };
  return decomposed(call, moments, value);
}

const [xx, yy, xy]: readonly [Deviation, Deviation, Deviation] = [
  ['xx', 'mx', 'mx'],
  ['yy', 'my', 'my'],
  ['xy', 'mx', 'my'],
];

const sd = (deviation: string, what: string): string => `sqrt(${varPop(deviation, what)})`;
const corr = `(_s.xy / _s.n) / (${sd('xx', 'STDDEV_POP for X')} * ${sd('yy', 'STDDEV_POP for Y')})`;
const slope = `(_s.xy / _s.n) / (${varPop('xx', 'VARPOP')})`;

/** Of an aggregate of two variables, the deviations that it needs and its value of the moments. */
const ofTwo: Readonly<Record<string, readonly [readonly Deviation[], string]>> = {
  covar_pop: [[xy], '_s.xy / _s.n'],
  covar_samp: [[xy], 'CASE WHEN _s.n > 1 THEN _s.xy / (_s.n - 1) END'],
  corr: [[xx, yy, xy], corr],
  regr_sxx: [[xx], `(${varPop('xx', 'VARPOP')}) * _s.n`],
  regr_syy: [[yy], `(${varPop('yy', 'VARPOP')}) * _s.n`],
  regr_sxy: [[xy], '_s.xy'],
  regr_slope: [[xx, xy], slope],
  regr_intercept: [[xx, xy], `CASE WHEN isnan(${slope}) THEN NULL ELSE _s.my - (${slope}) * _s.mx END`],
  regr_r2: [
    [xx, yy, xy],
    `CASE WHEN (${varPop('xx', 'VARPOP(X)')}) = 0 THEN NULL WHEN (${varPop('yy', 'VARPOP(Y)')}) = 0 THEN 1 ELSE pow(${corr}, 2) END`,
  ],
};

/** `corr`, `covar_pop`, `regr_slope` and the like: over the rows that have both values. */
export function relation(call: AggregateCall): Decomposed | null {
  const entry = ofTwo[call.name];
  const [argY, argX] = call.args;
  if (entry === undefined || argX === undefined || argY === undefined) return null;
  const [deviations, value] = entry;
  const [y, x] = [`CAST(${argY.sql} AS DOUBLE)`, `CAST(${argX.sql} AS DOUBLE)`];
  const both = `${argX.sql} IS NOT NULL AND ${argY.sql} IS NOT NULL`;
  const regr = (what: string): string => partial(call, `${what}(${y}, ${x})`);
  const n = regr('regr_count');
  const sums = { xx: regr('regr_sxx'), yy: regr('regr_syy'), xy: `${regr('covar_pop')} * ${n}` };
  const means = { mx: mean(call, x, `avg(${x})`, both), my: mean(call, y, `avg(${y})`, both) };
  const wanted = Object.fromEntries(Object.entries(sums).filter(([name]) => deviations.some(([deviation]) => deviation === name)));
  return decomposed(call, { partial: struct(n, { ...means, ...wanted }), means: Object.keys(means), deviations }, value);
}

/** `regr_avgx`, `regr_avgy`. */
export function averageOfPairs(call: AggregateCall): Decomposed | null {
  const [argY, argX] = call.args;
  if (argX === undefined || argY === undefined) return null;
  const [of, other] = call.name === 'regr_avgx' ? [argX, argY] : [argY, argX];
  const paired: AggregateCall = { ...call, filter: partialFilter(call, `${other.sql} IS NOT NULL`) };
  const x = `CAST(${of.sql} AS DOUBLE)`;
  return {
    partials: [sumDoubles(paired, x), partial(paired, `count(${of.sql})`)],
    combine: ([p, n]) => [addDoubles(p), addCounts(n)],
    final: ([p, n]) => `CAST(${addDoubles(p)} / ${addCounts(n)} AS ${call.type})`,
    promise: 'double',
  };
}

function partialFilter({ filter }: AggregateCall, only: string): string {
  return filter === null ? only : `(${filter}) AND ${only}`;
}

/** DuckDB's own formulas in its order of operations, of the sums of a value's first powers; t is 1 / n. */
const ofPowers: Readonly<Record<string, readonly [powers: number, value: string]>> = (() => {
  const m2 = '(_s.t * (_s.s2 - _s.s1 * _s.s1 * _s.t))';
  const m3 = '(_s.t * (_s.s3 - 3 * _s.s2 * _s.s1 * _s.t + 2 * pow(_s.s1, 3) * _s.t * _s.t))';
  const m4 = '(_s.t * (_s.s4 - 4 * _s.s3 * _s.s1 * _s.t + 6 * _s.s2 * _s.s1 * _s.s1 * _s.t * _s.t - 3 * pow(_s.s1, 4) * pow(_s.t, 3)))';
  const divisor = `sqrt(pow(greatest(${m2}, 0), 3))`;
  const skew = `(sqrt(_s.n * (_s.n - 1)) / (_s.n - 2) * ${m3} / ${divisor})`;
  const samp = `((_s.n - 1) * ((_s.n + 1) * ${m4} / (${m2} * ${m2}) - 3 * (_s.n - 1)) / ((_s.n - 2) * (_s.n - 3)))`;
  const pop = `(${m4} / (${m2} * ${m2}) - 3)`;
  return {
    skewness: [3, `CASE WHEN _s.n <= 2 THEN NULL WHEN ${divisor} = 0 THEN 'nan'::DOUBLE ELSE ${checked(skew, 'SKEW')} END`],
    kurtosis: [4, `CASE WHEN _s.n <= 3 OR ${m2} <= 0 THEN NULL ELSE ${checked(samp, 'Kurtosis')} END`],
    kurtosis_pop: [4, `CASE WHEN _s.n <= 1 OR ${m2} <= 0 THEN NULL ELSE ${checked(pop, 'Kurtosis')} END`],
  };
})();

/** `skewness`, `kurtosis`, `kurtosis_pop`. */
export function shape(call: AggregateCall): Decomposed | null {
  const entry = ofPowers[call.name];
  const arg = call.args[0];
  if (entry === undefined || arg === undefined) return null;
  const [highest, value] = entry;
  const powers = Array.from({ length: highest }, (_, i) => i + 1);
  return {
    partials: [
      partial(call, `count(${arg.sql})`),
      ...powers.map((power) => sumDoubles(call, power === 1 ? `CAST(${arg.sql} AS DOUBLE)` : `pow(CAST(${arg.sql} AS DOUBLE), ${power})`)),
    ],
    combine: ([n, ...sums]) => [addCounts(n), ...sums.map(addDoubles)],
    final: ([n, ...sums]) => {
      const [rows, fields] = [`CAST(${addCounts(n)} AS DOUBLE)`, sums.map((column, i) => `'s${i + 1}': ${addDoubles(column)}`)];
      return `CAST(${letIn('_s', `{'n': ${rows}, 't': 1 / ${rows}, ${fields.join(', ')}}`, overValues(value))} AS ${call.type})`;
    },
    promise: 'double',
  };
}
