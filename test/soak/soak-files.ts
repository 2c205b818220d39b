import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Random } from '../simulation/random.ts';

/** The columns of every file, as jobs and the oracle declare them. */
export const columns = { id: 'BIGINT', upload: 'BIGINT', what: 'VARCHAR' } as const;

/** One content that is to be loaded once. No two of a soak share a row. */
export interface SoakFile {
  readonly number: number;
  readonly rows: number;
  readonly body: Uint8Array;
  /** Of the name that it is to have. */
  readonly ending: '.csv' | '.csv.gz';
  /** Where the oracle finds it. */
  readonly kept: string;
}

/** How many rows files have, `[from, to]`, and how likely that is. */
const sizes = [
  { weight: 60, from: 4, to: 100 },
  { weight: 33, from: 1_000, to: 5_000 },
  { weight: 7, from: 10_000, to: 30_000 },
] as const;

const gzipped = 0.2;

/** Rows that a reader must look at closely: quotes, commas, newlines and quotes in quotes. */
function rowOf(number: number, row: number): string {
  const odd = row % 11 === 0 ? 'with a\nnewline' : row % 7 === 0 ? 'who said ""yes""' : 'plain';
  return `${number * 1_000_000 + row},${number},"visit ${row}, ${odd}"\n`;
}

/** Makes CSV files, and keeps a copy of each for the oracle. */
export class SoakFiles {
  readonly folder: string;
  private readonly random: Random;
  private made = 0;

  constructor(folder: string, random: Random) {
    mkdirSync(folder, { recursive: true });
    this.folder = folder;
    this.random = random;
  }

  /** A file of any size. */
  any(): SoakFile {
    const { from, to } = this.random.weighted(sizes) ?? sizes[0];
    return this.make(this.random.between(from, to), this.random.chance(gzipped));
  }

  /** One with as many rows as that. */
  make(rows: number, gzip = false): SoakFile {
    const number = ++this.made;
    const text = Buffer.from(`id,upload,what\n${Array.from({ length: rows }, (_, row) => rowOf(number, row)).join('')}`);
    const ending = gzip ? '.csv.gz' : '.csv';
    const body = gzip ? gzipSync(text) : text;
    const kept = join(this.folder, `${number}${ending}`);
    writeFileSync(kept, body);
    return { number, rows, body, ending, kept };
  }
}
