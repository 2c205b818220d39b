import { defineJob } from 'fanlake';

/** Places of US zip codes: `00501` is a text, not the number 501, and Fanlake keeps it so by itself. */
export const zipCodes = defineJob({
  name: 'zip-codes',
  input: { prefix: 'landing/zip-codes/', format: 'csv' },
  table: { name: 'zip_codes' },
});
