import { type Call, type Caller, describeCall } from './calls.ts';
import { type CommandedRun, type Deployment, type FunctionName, type Received, SimulatedFunction } from './functions.ts';
import type { CommandName } from './small-world.ts';

/** What an invocation or a command begins with: all that it knows but the answers to its calls. */
export interface Beginning {
  readonly function: FunctionName | CommandName;
  readonly messages: readonly { readonly queue: Received['queue']; readonly body: string; readonly receive: number }[];
  /** Of a command. */
  readonly run?: CommandedRun;
  /** Begins its nonces: invocations differ by them. */
  readonly name: string;
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
  /** The code itself, waiting there; null once it has gone on. */
  execution: Execution | null;

  constructor(id: number, beginning: Beginning, answers: readonly Answer[], execution: Execution) {
    this.id = id;
    this.beginning = beginning;
    this.answers = answers;
    this.standing = execution.standing;
    this.execution = this.standing.kind === 'over' ? null : execution;
  }
}

/**
 * The functions as automata: what one does next depends on nothing but how it began and what it was answered, so each history is run once and remembered.
 * Answers are given in the order of the calls, also where a function asks for several things at once.
 */
export class ExploredFunctions {
  private readonly deployment: Deployment;
  private readonly beginnings = new Map<string, Progress>();
  /** Histories that were run. */
  private runs = 0;

  constructor(deployment: Deployment) {
    this.deployment = deployment;
  }

  async begin(beginning: Beginning): Promise<Progress> {
    const key = JSON.stringify(beginning);
    const known = this.beginnings.get(key);
    if (known !== undefined) return known;
    const progress = new Progress(++this.runs, beginning, [], await this.run(beginning, []));
    this.beginnings.set(key, progress);
    return progress;
  }

  /** @param key tells answers apart */
  async answer(progress: Progress, key: string, answer: Answer): Promise<Progress> {
    const known = progress.next.get(key);
    if (known !== undefined) return known;
    // the first goes on with the code that waits there; for another answer it is run again up to there
    const execution = progress.execution ?? (await this.run(progress.beginning, progress.answers));
    progress.execution = null;
    if (progress.standing.kind === 'asks') execution.mustStandAt(progress.standing.call);
    await execution.answer(answer);
    const next = new Progress(++this.runs, progress.beginning, [...progress.answers, answer], execution);
    progress.next.set(key, next);
    return next;
  }

  private async run(beginning: Beginning, answers: readonly Answer[]): Promise<Execution> {
    const execution = new Execution(beginning, this.deployment);
    await settled();
    for (const answer of answers) await execution.answer(answer);
    return execution;
  }
}

/** Nothing here waits for anything but answers, so that all that can be done is done then. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const frozenMs = Date.UTC(2026, 0, 1);

interface OpenCall {
  readonly call: Call;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The code of a function at work. */
class Execution implements Caller {
  private readonly beginning: Beginning;
  /** Calls without an answer, oldest first. */
  private readonly open: OpenCall[] = [];
  private readonly later: number[] = [];
  private failed: readonly { readonly index: number; readonly error: unknown }[] | null = null;
  private nonces = 0;

  constructor(beginning: Beginning, deployment: Deployment) {
    this.beginning = beginning;
    void this.handle(new SimulatedFunction(this, deployment, null)).then((failed) => {
      this.failed = failed;
    });
  }

  get standing(): Standing {
    if (this.failed !== null) return { kind: 'over', failed: this.failed, later: this.later };
    const [first] = this.open;
    if (first === undefined) throw new Error(`${this.beginning.function} neither asks nor ends`);
    return { kind: 'asks', call: first.call };
  }

  /** @throws Error when the code did something else than before, given the same answers */
  mustStandAt(call: Call): void {
    const { standing } = this;
    if (standing.kind === 'asks' && describeCall(standing.call) === describeCall(call)) return;
    throw new Error(`${this.beginning.function} isn't the same each time: it should ask for ${describeCall(call)}`);
  }

  async answer(answer: Answer): Promise<void> {
    const first = this.open.shift();
    if (first === undefined) throw new Error(`${this.beginning.function} is answered though it asks for nothing`);
    if ('error' in answer) first.reject(answer.error);
    else first.resolve(answer.value);
    await settled();
  }

  call(call: Call): Promise<unknown> {
    return new Promise((resolve, reject) => this.open.push({ call, resolve, reject }));
  }

  now(): number {
    return frozenMs;
  }

  nonce(): string {
    return `${this.beginning.name}${String(this.nonces++).padStart(2, '0')}`;
  }

  private async handle(code: SimulatedFunction): Promise<readonly { index: number; error: unknown }[]> {
    const { function: name, messages, run } = this.beginning;
    if (name === 'cancel' || name === 'retry') {
      if (run === undefined) throw new Error(`${name} of no run`);
      // time stands still: it doesn't wait for the monitor
      const work = name === 'cancel' ? code.cancel(run, 0) : code.retry(run);
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
          this.later.push(index);
        },
      }),
    );
    return code.handle(name, received);
  }
}
