/** Creates keys at the same moment as other processes do: on `{ key, bodies }` all bodies at once, and answers the indexes of those that won. */
import { LocalStore } from '../../../functions/adapters/local-store.ts';

const store = new LocalStore(process.argv[2] ?? '');

process.on('message', async ({ key, bodies }: { key: string; bodies: string[] }) => {
  const results = await Promise.all(bodies.map((body) => store.create(key, body)));
  process.send?.({ winners: results.flatMap((result, index) => (result === null ? [] : [index])) });
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
