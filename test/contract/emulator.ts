import { describe, test } from 'vitest';
import { emulator } from '../localstack/emulator.ts';

/** Runs a suite against the emulator of AWS that this test project has, or says that it didn't. */
export function onEmulator(name: string, suite: () => void): void {
  const { missing } = emulator;
  if (missing === null) {
    describe(`${name} on ${emulator.name}`, suite);
    return;
  }
  describe(name, () => {
    test.skip(`not tested: ${name}: ${missing}`, () => {});
  });
}
