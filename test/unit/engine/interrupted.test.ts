import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { asEngineError } from '../../../functions/engine/errors.ts';
import { Engine } from '../../../functions/engine/session.ts';

it("a statement that was stopped because its time is up is not the query's fault: it may be tried again", async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'fanlake-interrupted-'));
  const engine = await Engine.open({ threads: 1, memoryLimitBytes: 2 ** 28, scratch });
  let ended = false;
  const query = engine.rows('SELECT count(*) FROM range(1000000) a(i), range(1000000) b(j) WHERE hash(i, j) = 7').finally(() => {
    ended = true;
  });
  const outcome = query.catch((thrown: unknown) => asEngineError(thrown, 'the query failed'));
  while (!ended) {
    engine.interrupt();
    await sleep(5);
  }
  expect(await outcome).toMatchObject({ code: 'run.interrupted', retryable: true });
  engine.close();
  rmSync(scratch, { recursive: true, force: true });
});
