import { randomBytes } from 'node:crypto';
import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Clock, Nonces } from '../core/ports.ts';

/** This machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => sleepFor(ms),
};

/** Nonces from the system's randomness. */
export const systemNonces: Nonces = {
  next: () => randomBytes(6).toString('hex'),
};
