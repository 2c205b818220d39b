import type { Reporter, SerializedError, TestModule, Vitest } from 'vitest/node';

/** How a whole test run ended. */
interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Makes `N passed, N failed` (and `, N skipped`) the last line of a test run. A file that doesn't load, a suite whose hook throws and an error outside
 * of any test each count as a failure, because vitest counts them in no test; a run in which nothing ran fails. Skipped tests are listed with
 * the reason they gave.
 */
export default class LastLineReporter implements Reporter {
  readonly #count: Count = { passed: 0, failed: 0, skipped: 0 };
  readonly #skips: string[] = [];
  #filtered = false;

  onInit(vitest: Vitest): void {
    // Tests that a name pattern (-t) leaves out aren't worth a line each.
    this.#filtered = vitest.getGlobalTestNamePattern() !== undefined;
    // At exit, because vitest itself may still write after the run (a worker that doesn't stop, an error while closing).
    process.once('exit', () => this.#print());
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    // In watch mode there are several runs: the line is about the last.
    Object.assign(this.#count, { passed: 0, failed: unhandledErrors.length, skipped: 0 });
    this.#skips.length = 0;
    for (const module of modules) this.#add(module);
  }

  #add(module: TestModule): void {
    for (const suite of [module, ...module.children.allSuites()]) {
      if (suite.errors().length > 0) this.#count.failed += 1;
    }
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') this.#count.passed += 1;
      else if (result.state === 'failed') this.#count.failed += 1;
      else this.#count.skipped += 1;
      if (result.state === 'skipped' && !this.#filtered) this.#skips.push(`${test.fullName}: ${result.note ?? 'no reason given'}`);
    }
  }

  #print(): void {
    const { passed, failed, skipped } = this.#count;
    if (passed + failed === 0) process.exitCode = 1;
    for (const skip of this.#skips) console.log(`skipped ${skip}`);
    console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  }
}
