import type { ByteRange, ObjectStore } from '../../functions/core/ports.ts';
import type { StoreCall } from '../simulation/calls.ts';
import { StoreState } from '../simulation/store-state.ts';

/** A call without the root that it is to. */
type Unrooted<Call> = Call extends StoreCall ? Omit<Call, 'root'> : never;

/** A store in memory, for tests of many objects: it has no folder to stage from. */
export function memoryStore(now: () => number = () => 0): ObjectStore {
  const state = new StoreState(false);
  const apply = async <Answer>(call: Unrooted<StoreCall>): Promise<Answer> => state.apply({ root: 'work', ...call }, now()) as Answer;
  const bytes = (body: Parameters<ObjectStore['put']>[1]): Buffer => {
    if (typeof body === 'object' && 'path' in body) throw new Error('a file is stored in memory');
    return Buffer.from(body as string);
  };
  return {
    get: (key, range?: ByteRange) => apply({ kind: 'get', key, ...(range === undefined ? {} : { range }) }),
    read: (object, range) => apply({ kind: 'read', object, range }),
    stage: () => Promise.reject(new Error('nothing is staged from memory')),
    head: (key) => apply({ kind: 'head', key }),
    put: (key, body) => apply({ kind: 'put', key, body: bytes(body) }),
    create: (key, body) => apply({ kind: 'create', key, body: bytes(body) }),
    replace: (key, version, body) => apply({ kind: 'replace', key, version, body: bytes(body) }),
    list: (options) => apply({ kind: 'list', options }),
    listKeys: (options) => apply({ kind: 'listKeys', options }),
    copy: (from, to) => apply({ kind: 'copy', from, to }),
    delete: (key) => apply({ kind: 'delete', key }),
    locate: (key) => `memory://${key}`,
  };
}
