import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('../..', import.meta.url));

const refused: readonly (readonly [file: string, source: string])[] = [
  ['functions/core/plan.ts', '../adapters/local-store.ts'],
  ['functions/core/plan.ts', '../engine/query.ts'],
  ['functions/core/plan.ts', '../formats/csv.ts'],
  ['functions/core/plan.ts', '../runtime/log.ts'],
  ['functions/core/plan.ts', '../worker/map.ts'],
  ['functions/core/delta/log-entry.ts', '../../engine/query.ts'],
  ['functions/core/plan.ts', '../../cli/main.ts'],
  ['functions/core/plan.ts', 'node:fs'],
  ['functions/core/plan.ts', 'node:fs/promises'],
  ['functions/core/plan.ts', 'node:os'],
  ['functions/core/plan.ts', '@duckdb/node-api'],
  ['functions/core/plan.ts', '@aws-sdk/client-s3'],
  ['functions/core/plan.ts', 'hyparquet'],
  ['functions/core/plan.ts', '../protocol/barrier.ts'],
  ['functions/formats/csv.ts', '../engine/query.ts'],
  ['functions/formats/csv.ts', '@duckdb/node-api'],
  ['functions/runtime/log.ts', '../adapters/local-store.ts'],
  ['functions/protocol/barrier.ts', '../worker/map.ts'],
  ['functions/protocol/barrier.ts', '../adapters/local-store.ts'],
  ['functions/adapters/local-store.ts', '../protocol/barrier.ts'],
  ['functions/engine/query.ts', '../adapters/local-store.ts'],
  ['functions/engine/query.ts', '../formats/csv.ts'],
  ['functions/adapters/local-store.ts', '../engine/query.ts'],
  ['functions/adapters/local-store.ts', '@duckdb/node-api'],
  ['functions/coordinator/plan-run.ts', '@duckdb/node-api'],
  ['functions/coordinator/plan-run.ts', '../engine/query.ts'],
  ['functions/coordinator/plan-run.ts', '../worker/map.ts'],
  ['functions/worker/map.ts', '../reducer/commit.ts'],
  ['functions/worker/map.ts', '../adapters/local-store.ts'],
  ['functions/reducer/commit.ts', '../monitor/watch-run.ts'],
  ['functions/monitor/watch-run.ts', '../coordinator/plan-run.ts'],
  ['functions/monitor/watch-run.ts', '@aws-sdk/client-sqs'],
  ['functions/sweeper/sweep-table.ts', '../monitor/tick.ts'],
  ['functions/sweeper/sweep-table.ts', '../adapters/local-store.ts'],
  ['functions/sweeper/handler.ts', '@aws-sdk/client-s3'],
  ['functions/reducer/commit.ts', '../sweeper/sweep-table.ts'],
  ['functions/lambda/message-batch.ts', '../worker/handle-task.ts'],
  ['functions/lambda/message-batch.ts', '@aws-sdk/client-sqs'],
  ['functions/protocol/barrier.ts', '../lambda/message-batch.ts'],
  ['functions/worker/map.ts', '../lambda/message-batch.ts'],
  ['functions/worker/handler.ts', '../reducer/handler.ts'],
  ['functions/worker/handler.ts', '@aws-sdk/client-s3'],
  ['functions/worker/map.ts', '../../cli/main.ts'],
  ['functions/worker/map.ts', '../../test/data.ts'],
  ['functions/worker/map.ts', '../../infra/stack.ts'],
  ['functions/worker/map.ts', 'aws-cdk-lib'],
  ['functions/worker/map.ts', 'aws-cdk-lib/aws-s3'],
  ['cli/main.ts', '@duckdb/node-api'],
  ['cli/main.ts', '@aws-sdk/client-s3'],
  ['cli/main.ts', '../test/data.ts'],
  ['cli/main.ts', '../infra/fanlake.ts'],
  ['jobs/flights.ts', '../functions/core/job.ts'],
  ['jobs/flights.ts', '@duckdb/node-api'],
  ['infra/stack.ts', '@duckdb/node-api'],
  ['infra/stack.ts', '../cli/main.ts'],
];

const allowed: readonly (readonly [file: string, source: string])[] = [
  ['functions/core/plan.ts', './keys.ts'],
  ['functions/core/plan.ts', './records/machine.ts'],
  ['functions/core/delta/log-entry.ts', '../keys.ts'],
  ['functions/core/plan.ts', 'node:crypto'],
  ['functions/core/job.ts', 'zod'],
  ['functions/engine/query.ts', '@duckdb/node-api'],
  ['functions/engine/query.ts', '../core/ports.ts'],
  ['functions/engine/query.ts', 'node:fs'],
  ['functions/formats/csv.ts', '../core/errors.ts'],
  ['functions/runtime/log.ts', '../core/errors.ts'],
  ['functions/adapters/local-store.ts', '../core/ports.ts'],
  ['functions/adapters/local-store.ts', 'node:fs/promises'],
  ['functions/adapters/s3/store.ts', '@aws-sdk/client-s3'],
  ['functions/coordinator/plan-run.ts', '../core/plan.ts'],
  ['functions/protocol/barrier.ts', '../core/keys.ts'],
  ['functions/worker/map.ts', '../protocol/barrier.ts'],
  ['functions/worker/map.ts', '../formats/csv.ts'],
  ['functions/worker/map.ts', '../engine/query.ts'],
  ['functions/worker/map.ts', '../runtime/deadline.ts'],
  ['functions/worker/map.ts', './part.ts'],
  ['functions/worker/handler.ts', '../adapters/s3/store.ts'],
  ['functions/worker/handler.ts', '../engine/query.ts'],
  ['functions/worker/handler.ts', '../lambda/message-batch.ts'],
  ['functions/monitor/dead-letters-handler.ts', '../lambda/message-batch.ts'],
  ['functions/sweeper/handler.ts', '../lambda/aws-storage.ts'],
  ['functions/sweeper/sweep-table.ts', '../protocol/ledger.ts'],
  ['functions/lambda/aws-context.ts', '../adapters/s3-store.ts'],
  ['cli/main.ts', '../functions/worker/map.ts'],
  ['cli/main.ts', '../functions/adapters/local-store.ts'],
  ['cli/main.ts', '../functions/engine/query.ts'],
  ['jobs/flights.ts', 'fanlake'],
  ['infra/stack.ts', 'aws-cdk-lib'],
  ['infra/stack.ts', '../functions/core/keys.ts'],
  ['test/unit/engine/query.test.ts', '@duckdb/node-api'],
  ['test/e2e/run.test.ts', '../../cli/main.ts'],
  ['bench/map-only.ts', '@duckdb/node-api'],
];

/** The linter names a place as a line of a file: the imports of one file stand on lines of their own. */
const importsByFile = new Map<string, string[]>();
for (const [file, source] of [...refused, ...allowed]) importsByFile.set(file, [...(importsByFile.get(file) ?? []), source]);

let folder: string;
let found: ReadonlySet<string>;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'fanlake-imports-')));
  copyFileSync(join(repository, 'biome.json'), join(folder, 'biome.json'));
  for (const [file, sources] of importsByFile) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), sources.map((source) => `import '${source}';\n`).join(''));
  }
  found = lint(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `file <- import` of each import in `root` that the repository's linter settings refuse. */
function lint(root: string): ReadonlySet<string> {
  const biome = join(repository, 'node_modules', '.bin', 'biome');
  const options = ['lint', '--vcs-enabled=false', '--only=style/noRestrictedImports', '--max-diagnostics=none', '--reporter=github'];
  const { stdout, stderr } = spawnSync(biome, [...options, '.'], { cwd: root, encoding: 'utf8' });
  const places = [...stdout.matchAll(/^::error title=lint\/style\/noRestrictedImports,file=([^,]+),line=(\d+),/gm)];
  if (places.length === 0) throw new Error(`the linter reported no import at all: ${stdout}${stderr}`);
  return new Set(
    places.map(([, file = '', line = '']) => `${relative(root, file)} <- ${importsByFile.get(relative(root, file))?.[Number(line) - 1]}`),
  );
}

describe('the linter refuses an import against the direction', () => {
  it.each(refused)('%s <- %s', (file, source) => {
    expect(found).toContain(`${file} <- ${source}`);
  });
});

describe('the linter allows an import along the direction', () => {
  it.each(allowed)('%s <- %s', (file, source) => {
    expect(found).not.toContain(`${file} <- ${source}`);
  });
});
