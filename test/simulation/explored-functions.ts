import type { Call, Caller } from './calls.ts';
import { type Deployment, type FunctionName, type Received, SimulatedFunction } from './functions.ts';

/** What an invocation or a command begins with: all that it knows but the answers to its calls. */
export interface Beginning {
  readonly function: FunctionName | 'retry' | 'cancel';
  readonly messages: readonly { readonly queue: Received['queue']; readonly body: string; readonly receive: number }[];
  /** Of a command. */
  readonly run?: { readonly table: string; readonly run: string; readonly key: string };
  /** How many began like it before: attempts differ by their nonces. */
  readonly number: number;
}

/** A call's answer: a value, or what was thrown. */
export type Answer = { readonly value: unknown } | { readonly error: unknown };

/** Where an invocation stands: it waits for an answer, or it is over. */
export type Standing =
  | { readonly kind: 'asks'; readonly call: Call }
  /** Indexes of the messages that it hands back, and of those that are to come again later. */
  | {
      readonly kind: 'over';
      readonly failed: readonly { readonly index: number; readonly error: unknown }[];
      readonly later: readonly number[];
    };

/** An invocation after some answers. Reached again by the same answers, it is the same object. */
export class Progress {
  readonly id: number;
  readonly beginning: Beginning;
  readonly answers: readonly Answer[];
  readonly standing: Standing;
  readonly next = new Map<string, Progress>();

  constructor(id: number, beginning: Beginning, answers: readonly Answer[], standing: Standing) {
    this.id = id;
    this.beginning = beginning;
    this.answers = answers;
    this.standing = standing;
  }
}

const frozenMs = Date.UTC(2026, 0, 1);

function digest(text: string): string {
  // FNV-1a, twice: good enough for names that only need to differ
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let index = 0; index < text.length; index++) {
    a = Math.imul(a ^ text.charCodeAt(index), 0x01000193);
    b = Math.imul(b ^ text.charCodeAt(text.length - 1 - index), 0x811c9dc5 | 1);
  }
  return ((a >>> 0).toString(16) + (b >>> 0).toString(16)).padStart(12, '0').slice(0, 10);
}

/**
 * The functions as automata: what one does next depends on nothing but how it began and what it was answered, so each history is run once and remembered.
 * Answers are given in the order of the calls, also where a function asks for several things at once.
 */
export class ExploredFunctions {
  private readonly deployment: Deployment;
  private readonly beginnings = new Map<string, Progress>();
  /** Histories that were run. */
  runs = 0;

  constructor(deployment: Deployment) {
    this.deployment = deployment;
  }

  async begin(beginning: Beginning): Promise<Progress> {
    const key = JSON.stringify(beginning);
    const known = this.beginnings.get(key);
    if (known !== undefined) return known;
    const progress = await this.progress(beginning, []);
    this.beginnings.set(key, progress);
    return progress;
  }

  /** @param key tells answers apart */
  async answer(progress: Progress, key: string, answer: Answer): Promise<Progress> {
    const known = progress.next.get(key);
    if (known !== undefined) return known;
    const next = await this.progress(progress.beginning, [...progress.answers, answer]);
    progress.next.set(key, next);
    return next;
  }

  private async progress(beginning: Beginning, answers: readonly Answer[]): Promise<Progress> {
    this.runs += 1;
    return new Progress(this.runs, beginning, answers, await this.run(beginning, answers));
  }

  /** Runs the code from its beginning with the answers that it got, to the first call without one. */
  private async run(beginning: Beginning, answers: readonly Answer[]): Promise<Standing> {
    const replaying = new Replaying(beginning, answers);
    const later: number[] = [];
    let over: Standing | null = null;
    const code = new SimulatedFunction(replaying, this.deployment, null);
    void this.handle(code, beginning, later).then((failed) => {
      over = { kind: 'over', failed, later };
    });
    await new Promise((resolve) => setImmediate(resolve));
    if (over !== null) return over;
    if (replaying.asked === null) throw new Error(`${beginning.function} neither asks nor ends`);
    return { kind: 'asks', call: replaying.asked };
  }

  private async handle(
    code: SimulatedFunction,
    beginning: Beginning,
    later: number[],
  ): Promise<readonly { index: number; error: unknown }[]> {
    const { function: name, messages, run } = beginning;
    if (name === 'cancel' || name === 'retry') {
      if (run === undefined) throw new Error(`${name} of no run`);
      const work = name === 'cancel' ? code.cancel(run.table, run.run) : code.takeUp(run, false);
      // what it refuses is the answer that its user gets
      await work.catch(() => {});
      return [];
    }
    const received = messages.map(
      ({ queue, body, receive }, index): Received => ({
        queue,
        body,
        receiveCount: receive,
        ageMs: 0,
        extend: async () => {},
        retryIn: async () => {
          later.push(index);
        },
      }),
    );
    return code.handle(name, received);
  }
}

/** Answers from a list, and remembers the first call behind it. */
class Replaying implements Caller {
  asked: Call | null = null;
  private readonly answers: readonly Answer[];
  private readonly name: string;
  private calls = 0;
  private nonces = 0;

  constructor(beginning: Beginning, answers: readonly Answer[]) {
    this.answers = answers;
    this.name = digest(JSON.stringify(beginning));
  }

  call(call: Call): Promise<unknown> {
    const answer = this.answers[this.calls++];
    if (answer === undefined) {
      this.asked ??= call;
      return new Promise(() => {});
    }
    return 'error' in answer ? Promise.reject(answer.error) : Promise.resolve(answer.value);
  }

  now(): number {
    return frozenMs;
  }

  nonce(): string {
    return `${this.name}${String(this.nonces++).padStart(2, '0')}`;
  }
}
