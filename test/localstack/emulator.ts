import { inject } from 'vitest';
import { awaitEmulator } from './start-emulator.ts';

/** The emulator that the tests of this project run against. Who imports it waits until it runs, or until it is known that there is none. */
export const emulator = await awaitEmulator(inject('emulatorAnswer'));
