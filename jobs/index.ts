import { birdStrikes } from './bird-strikes.ts';
import { flights } from './flights.ts';
import { zipCodes } from './zip-codes.ts';

/** The jobs that deploy and that `fanlake run <name>` and `fanlake watch` know. */
export const jobs = [birdStrikes, flights, zipCodes];
