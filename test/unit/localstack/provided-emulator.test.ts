import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { missingEmulator } from '../../localstack/provided-emulator.ts';

describe('an emulator that cannot be had', () => {
  let said: string[];

  beforeEach(() => {
    said = [];
    vi.spyOn(console, 'warn').mockImplementation((line) => void said.push(String(line)));
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });

  const missing = (environment: Readonly<Record<'CI' | 'FANLAKE_TEST_WITHOUT_EMULATORS', string>>) => {
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    return missingEmulator('LocalStack', new Error('there is no Python 3.11'), 'the deployed stack');
  };

  it.each(['', '1'])('is told in one line on a machine of one (opted out: %j)', (optOut) => {
    expect(missing({ CI: '', FANLAKE_TEST_WITHOUT_EMULATORS: optOut })).toMatchObject({
      endpoint: '',
      missing: expect.stringContaining('3.11'),
    });
    expect(said).toEqual(["LocalStack can't be had (there is no Python 3.11); not tested: the deployed stack"]);
  });

  it.each(['true', '1'])('fails CI (CI=%s), with what would not be tested and how to mean it', (ci) => {
    const message = /no Python 3\.11.*would not be tested: the deployed stack.*FANLAKE_TEST_WITHOUT_EMULATORS=1/;
    expect(() => missing({ CI: ci, FANLAKE_TEST_WITHOUT_EMULATORS: '' })).toThrow(message);
  });

  it('is told in CI as well where that is meant', () => {
    expect(missing({ CI: 'true', FANLAKE_TEST_WITHOUT_EMULATORS: '1' }).missing).toContain('3.11');
    expect(said).toHaveLength(1);
  });
});
