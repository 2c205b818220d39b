import { type Chance, differenceOf, type QueryBench, type Rows } from './in-stages.ts';
import type { RandomQuery } from './random-query.ts';

type Answer = { readonly rows: Rows } | { readonly error: string };

async function answer(ask: Promise<Rows>): Promise<Answer> {
  try {
    return { rows: await ask };
  } catch (thrown) {
    return { error: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

/**
 * Compares what tasks answer with what one DuckDB does.
 * @returns what differs; null when they agree, also in that there is no answer
 */
export async function checkQuery(bench: QueryBench, { sql, isOrdered }: RandomQuery, chance: Chance): Promise<string | null> {
  const one = await answer(bench.answerOfOne(sql));
  const many = await answer(bench.answerOfMany(sql, chance));
  if ('error' in one) return 'error' in many ? null : `one DuckDB fails (${one.error}), tasks answer`;
  if ('error' in many) return `tasks fail: ${many.error}`;
  return differenceOf(one.rows, many.rows, isOrdered);
}
