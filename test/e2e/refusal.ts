import { expect } from 'vitest';
import type { ErrorCode } from '../../functions/core/errors.ts';
import { deltaLog, tableRows } from './duckdb.ts';
import type { EndedRun, WantedRun, WarmHome } from './warm-home.ts';

/** A file that everything is right with. */
export const goodRows = 'a,b\n2,y\n3,z\n';

export interface Refusal {
  readonly exitCode: number;
  readonly code: ErrorCode;
  /** All must be found in the message. */
  readonly says: readonly (string | RegExp)[];
}

/** A table with one row, into which nothing else is to come. */
export async function tableWithARow(home: WarmHome): Promise<string> {
  const table = home.newTable();
  const made = await home.run({ input: [home.file('good.csv', 'a,b\n1,x\n')], table });
  expect(made.error).toBeNull();
  return table;
}

/** The run ended with this exit code, code and message, and the table of `tableWithARow` has no new version and no other row. */
export async function expectRefused(home: WarmHome, ended: EndedRun, table: string, { exitCode, code, says }: Refusal): Promise<void> {
  const message = ended.error?.message;
  expect({ exitCode: ended.exitCode, code: ended.error?.code, message }).toEqual({ exitCode, code, message });
  for (const text of says) expect(message).toMatch(text);
  expect(deltaLog(home.tablePath(table)).versions).toEqual([0]);
  expect(await tableRows(home.tablePath(table))).toEqual([['1', 'x']]);
}

/** Runs over an input that must be refused. */
export async function refuse(home: WarmHome, input: readonly string[], refusal: Refusal, wanted: Partial<WantedRun> = {}): Promise<void> {
  const table = await tableWithARow(home);
  await expectRefused(home, await home.run({ input, table, ...wanted }), table, refusal);
}
