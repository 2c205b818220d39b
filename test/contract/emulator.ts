import { describe, inject, test } from 'vitest';
import '../localstack/provided-emulator.ts';

/** Runs a suite against the emulator of AWS that this test project has, or says that it didn't. */
export function onEmulator(name: string, suite: () => void): void {
  const { name: emulator, missing } = inject('emulator');
  if (missing === null) {
    describe(`${name} on ${emulator}`, suite);
    return;
  }
  describe(name, () => {
    test.skip(`not tested: ${name}: ${missing}`, () => {});
  });
}
