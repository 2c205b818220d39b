/** Times of the simulated deployment, as infra/sizes.ts and the quotas of Lambda and SQS have them. */
export const secondMs = 1_000;
export const minuteMs = 60 * secondMs;
export const dayMs = 24 * 60 * minuteMs;

/** When every world begins. */
export const beginMs = Date.UTC(2026, 0, 1);

/** A function of Lambda is killed then. */
export const functionLimitMs = 15 * minuteMs;
/** How long a message stays hidden behind the last sign of life of the function that has it. */
export const invisibleMs = 30 * secondMs;
/** What a VACUUM of another writer keeps, if its user leaves the default. */
export const vacuumAgeMs = 7 * dayMs;
/** The least that a work root keeps objects for (infra/sizes.ts). */
export const expiryMs = 22 * dayMs;
