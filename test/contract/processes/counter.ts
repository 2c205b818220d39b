/** Adds one to the number in an object, `times` times, by compare and swap. Arguments: root, key, times. */
import { LocalStore } from '../../../functions/adapters/local-store.ts';

const [root = '', key = '', times = '0'] = process.argv.slice(2);
const store = new LocalStore(root);

process.on('message', async () => {
  for (let added = 0; added < Number(times); ) {
    const found = await store.get(key);
    if (found === null) throw new Error('the counter is gone');
    const next = String(Number(Buffer.from(found.body).toString()) + 1).padStart(6, '0');
    if ((await store.replace(key, found.version, next)) !== null) added += 1;
  }
  process.disconnect();
});
process.send?.('ready');
