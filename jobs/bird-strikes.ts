import { defineJob } from 'fanlake';

/** Reports of birds that hit aircraft, as CSV with spaces in its header. */
export const birdStrikes = defineJob({
  name: 'bird-strikes',
  input: { prefix: 'landing/bird-strikes/', format: 'csv' },
  query: 'SELECT * EXCLUDE ("Cost Other"), year("Flight Date") AS year FROM input',
  table: { name: 'bird_strikes', partitionBy: ['year'] },
});
