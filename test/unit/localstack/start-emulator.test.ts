import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { awaitEmulator, type Started, startInBackground } from '../../localstack/start-emulator.ts';

/** A start whose end is in the test's hands. */
function begin() {
  const ends = Promise.withResolvers<Started>();
  let answerFile = '';
  const provide = (_key: string, value: string): void => {
    answerFile = value;
  };
  const stop = startInBackground({ provide }, 'MiniStack', () => ends.promise, 'the stores');
  return { ends, stop, emulator: awaitEmulator(answerFile) };
}

describe('an emulator that starts while other tests run', () => {
  const emulator = { endpoint: 'http://127.0.0.1:1', kind: null, lambdaLogs: null };
  beforeEach(() => vi.stubEnv('FANLAKE_TEST_WITHOUT_EMULATORS', ''));
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });

  it('keeps nobody but those who ask for it, until it runs', async () => {
    const begun = begin();
    let isThere = false;
    const asked = begun.emulator.then((there) => {
      isThere = true;
      return there;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(isThere).toBe(false);
    begun.ends.resolve({ provided: emulator, stop: async () => {} });
    expect(await asked).toEqual({ name: 'MiniStack', ...emulator, missing: null });
  });

  it('is ended with the tests, also when they end before it runs', async () => {
    const begun = begin();
    const stop = vi.fn(async () => {});
    const stopped = begun.stop();
    begun.ends.resolve({ provided: emulator, stop });
    await stopped;
    expect(stop).toHaveBeenCalledTimes(1);
  });

  it('that can not be had fails in CI the tests that need it, with the reason', async () => {
    vi.stubEnv('CI', 'true');
    const begun = begin();
    begun.ends.reject(new Error('there is no Python'));
    await expect(begun.emulator).rejects.toThrow(/MiniStack can't be had \(there is no Python\).*the stores/);
    await begun.stop();
  });

  it('that can not be had is told to those who need it elsewhere', async () => {
    vi.stubEnv('CI', '');
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    const begun = begin();
    begun.ends.reject(new Error('there is no Python'));
    expect((await begun.emulator).missing).toContain('there is no Python');
  });
});
