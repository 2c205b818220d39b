import type { Progress } from './explored-functions.ts';
import type { Received } from './functions.ts';
import type { CommandName } from './small-world.ts';
import type { StateObject, StoreState } from './store-state.ts';

export type QueueName = Received['queue'];

export interface Message {
  readonly queue: QueueName;
  readonly body: string;
  /** As far as they are told apart. */
  readonly receives: number;
  readonly visible: boolean;
  /** It stands for two or more of the kind. */
  readonly several: boolean;
}

/** A store's content. The same content is the same object. */
export interface Content {
  readonly id: number;
  readonly store: StoreState;
}

export interface Actor {
  readonly progress: Progress;
  /** Names of its messages. */
  readonly held: readonly number[];
}

/** Everything there is at a moment. Never changed: what happens makes another. */
export interface State {
  readonly work: Content;
  readonly lake: Content;
  readonly messages: ReadonlyMap<number, Message>;
  readonly actors: readonly Actor[];
  readonly crashes: number;
  readonly duplicates: number;
  /** Those that may still be typed; one that was killed may be typed again or not. */
  readonly commands: readonly CommandName[];
}

export const isAtRest = ({ actors, messages }: State): boolean => actors.length === 0 && messages.size === 0;

/** Advisory: nobody whom we explore reads it. */
const unread = /^recent\//;

/** Numbers for texts, contents and states: equal ones have the same. */
export class StateNames {
  private readonly texts = new Map<string, number>();
  private readonly objectIds = new WeakMap<StateObject, number>();
  private readonly contents = new Map<string, Content>();

  /** @param store is not changed any more */
  contentOf(store: StoreState): Content {
    const ids: number[] = [];
    for (const [key, object] of store.objects) if (!unread.test(key)) ids.push(this.objectId(key, object));
    const mark = ids.sort((a, b) => a - b).join(' ');
    const known = this.contents.get(mark);
    if (known !== undefined) return known;
    const content: Content = { id: this.contents.size, store };
    this.contents.set(mark, content);
    return content;
  }

  /** What tells a state from others: not the names of messages, nor the order of anything. */
  keyOf({ work, lake, messages, actors, crashes, duplicates, commands }: State): string {
    const kinds: string[] = [];
    for (const [name, { queue, body, receives, visible, several }] of messages) {
      const holders = visible ? 'v' : actors.flatMap(({ progress, held }) => (held.includes(name) ? [progress.id] : []));
      kinds.push(`${this.idOf(queue)}.${this.idOf(body)}.${receives}${several ? 's' : ''} ${holders}`);
    }
    const working = actors.map(({ progress, held }) => `${progress.id} ${held.map((name) => (messages.has(name) ? '+' : '-')).join('')}`);
    return `${work.id} ${lake.id} ${crashes} ${duplicates}|${kinds.sort().join(',')}|${working.sort().join(',')}|${[...commands].sort().join(' ')}`;
  }

  private objectId(key: string, object: StateObject): number {
    let id = this.objectIds.get(object);
    if (id === undefined) {
      id = this.idOf(`${key} ${object.version} ${object.body.toString('latin1')}`);
      this.objectIds.set(object, id);
    }
    return id;
  }

  private idOf(text: string): number {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    this.texts.set(text, this.texts.size);
    return this.texts.size - 1;
  }
}
