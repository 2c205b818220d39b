import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

if (Number.parseInt(process.versions.node, 10) < 24) {
  throw new Error(
    `These tests need Node 24, and this is ${process.versions.node}: use 'npm test' or 'npx vitest', which find it in node_modules.`,
  );
}

// what S3 and SQS promise, tested on each emulator of them
const onEmulators = ['test/contract/s3-store.test.ts', 'test/contract/sqs-queue.test.ts'];

const seeds = 'test/simulation/seeds.test.ts';

// counts every request that its LocalStack answers
const aloneOnLocalStack = ['test/localstack/requests.test.ts'];

export default defineConfig({
  test: {
    reporters: ['default', './test/last-line-reporter.ts'],
    sequence: { sequencer: LongestFirst },
    // A test that starts a run has worker processes of its own: two files at a time are what two cores take.
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // by default one core is left idle
          maxWorkers: '100%',
          include: ['test/unit/**/*.test.ts'],
          exclude: ['test/unit/engine/**'],
          // the slowest take a second, and on a busy machine four
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      // with the engine behind each of them they take half a minute: not part of the quick loop
      {
        extends: true,
        test: {
          name: 'engine',
          maxWorkers: '100%',
          include: ['test/unit/engine/**/*.test.ts', 'test/queries/**/*.test.ts'],
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      // each file synthesizes the stack once, which takes some seconds
      {
        extends: true,
        test: {
          name: 'infra',
          maxWorkers: '100%',
          include: ['test/infra/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 0 },
        },
      },
      // ten thousand worlds, on all cores for as long as that takes
      {
        extends: true,
        test: {
          name: 'seeds',
          include: [seeds],
          testTimeout: 1_800_000,
          sequence: { groupOrder: 3 },
        },
      },
      // Worlds with mistakes, and all states of small ones: processes of their own, as many as there are cores. They have no clock but their own, so they run beside LocalStack and take what it
      // leaves of the cores.
      {
        extends: true,
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          exclude: [seeds],
          testTimeout: 1_800_000,
          maxWorkers: 3,
          sequence: { groupOrder: 4 },
        },
      },
      {
        extends: true,
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          exclude: onEmulators,
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'ministack',
          include: onEmulators,
          globalSetup: 'test/localstack/ministack-setup.ts',
          setupFiles: 'test/localstack/emulator-environment.ts',
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // a third of the time a test waits: two files leave cores idle
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'localstack',
          include: ['test/localstack/**/*.test.ts', ...onEmulators],
          exclude: aloneOnLocalStack,
          globalSetup: 'test/localstack/localstack-setup.ts',
          setupFiles: 'test/localstack/emulator-environment.ts',
          // as long as a run may wait behind another test's tasks, and then some
          testTimeout: 500_000,
          hookTimeout: 400_000,
          // one LocalStack for all, and its functions are processes on the same cores; much of the time a test waits for a message to come again.
          // The third file is the simulation's.
          maxWorkers: 3,
          sequence: { groupOrder: 4 },
        },
      },
      {
        extends: true,
        test: {
          name: 'localstack-alone',
          include: aloneOnLocalStack,
          globalSetup: 'test/localstack/localstack-setup.ts',
          setupFiles: 'test/localstack/emulator-environment.ts',
          testTimeout: 400_000,
          hookTimeout: 400_000,
          fileParallelism: false,
          sequence: { groupOrder: 5 },
        },
      },
    ],
  },
});
