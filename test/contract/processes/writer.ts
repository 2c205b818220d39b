/** Writes to a store in all ways at once, until it is killed. Arguments: root, seed. */
import fs from 'node:fs';
import path from 'node:path';
import { LocalStore } from '../../../functions/adapters/local-store.ts';
import { checkedBody } from './checked-body.ts';

const [root = '', seed = '0'] = process.argv.slice(2);
const store = new LocalStore(path.join(root, 'store'));
let state = Number(seed);

function random(below: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

async function writeForEver(writer: number): Promise<never> {
  for (let round = 0; ; round += 1) {
    const key = `folder-${random(3)}/${random(8)}`;
    const body = checkedBody(`${seed} ${writer} ${round} `.repeat(random(4) === 0 ? random(20_000) : random(50)));
    const file = path.join(root, `body-${seed}-${writer}`);
    switch (random(6)) {
      case 0:
        await store.create(key, body);
        break;
      case 1:
        await store.put(key, body);
        break;
      case 2:
        fs.writeFileSync(file, body);
        await store.put(key, { path: file });
        break;
      case 3:
        await store.copy(key, `folder-${random(3)}/${random(8)}`);
        break;
      case 4:
        await store.delete(key);
        break;
      default: {
        const found = await store.head(key);
        if (found !== null) await store.replace(key, found.version, body);
      }
    }
  }
}

void Promise.all([0, 1, 2, 3].map(writeForEver));
process.send?.('ready');
