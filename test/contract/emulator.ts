import { describe, test } from 'vitest';

const endpoint = process.env['AWS_ENDPOINT_URL'];

/** Whether an emulator of AWS answers on this machine, so that nothing here ever reaches a real account. */
const isLoopback = endpoint !== undefined && ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(endpoint).hostname);

/** Runs a suite against the emulator that AWS_ENDPOINT_URL names, or says that it didn't. */
export function onEmulator(name: string, suite: () => void): void {
  if (isLoopback) {
    suite();
    return;
  }
  const reason = `not tested: ${name}: AWS_ENDPOINT_URL doesn't name an emulator on this machine`;
  console.warn(reason);
  describe(name, () => {
    test.skip(reason, () => {});
  });
}
