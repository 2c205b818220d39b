/** Whole numbers from 0 to below `limit`, the same for the same seed (mulberry32). */
export function seeded(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

/** `length` characters of the alphabet, one byte each. */
export function randomBytes(random: (limit: number) => number, alphabet: string, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => alphabet.charCodeAt(random(alphabet.length)));
}
