import { defineConfig } from 'vitest/config';

if (Number.parseInt(process.versions.node, 10) < 24) {
  throw new Error(
    `These tests need Node 24, and this is ${process.versions.node}: use 'npm test' or 'npx vitest', which find it in node_modules.`,
  );
}

export default defineConfig({
  test: {
    reporters: ['default', './test/last-line-reporter.ts'],
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
          include: ['test/unit/engine/**/*.test.ts'],
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
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
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
