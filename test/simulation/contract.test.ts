import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Delivery } from '../../functions/core/ports.ts';
import { objectStoreContract, type StoreUnderTest } from '../contract/object-store.ts';
import { type Handler, type Message, queueContract } from '../contract/queue.ts';
import type { Call, Caller, StoreCall } from './calls.ts';
import { type QueuedMessage, QueueState } from './queue-state.ts';
import { type Disk, SimulatedQueue, SimulatedStore } from './simulated-ports.ts';
import { StoreState } from './store-state.ts';

/** Answers each call at once and without a fault, a turn of the event loop later. */
function faultless(apply: (call: Call) => unknown): Caller {
  return {
    call: async (call) => {
      await new Promise((resolve) => setImmediate(resolve));
      return apply(call);
    },
    now: () => performance.now(),
    nonce: () => '000000000000',
  };
}

/** The files of this machine. */
const realDisk: Disk = {
  get: (path) => readFileSync(path),
  set: (path, bytes) => writeFileSync(path, bytes),
  delete: (path) => rmSync(path),
  keys: () => [],
};

const makeStore = (keepsVersions: boolean) => async (): Promise<StoreUnderTest> => {
  const scratch = mkdtempSync(join(tmpdir(), 'fanlake-simulated-'));
  const state = new StoreState(keepsVersions);
  const caller = faultless((call) => state.apply(call as StoreCall, Date.now()));
  return {
    store: new SimulatedStore('lake', caller, realDisk),
    scratch,
    dispose: async () => rmSync(scratch, { recursive: true, force: true }),
  };
};

objectStoreContract('SimulatedStore', makeStore(false));
objectStoreContract('SimulatedStore with versions', makeStore(true), { keepsVersions: true });

/** Hands what is visible to a handler, again and again, as a poller does. */
function poll(queue: QueueState, visibilityMs: number, handler: Handler): () => void {
  const timer = setInterval(() => {
    const received = queue
      .visible(performance.now())
      .slice(0, 10)
      .flatMap((message) => queue.receive(message, performance.now(), visibilityMs) ?? []);
    if (received.length > 0) void handle(queue, received, handler);
  }, 2);
  return () => clearInterval(timer);
}

async function handle(queue: QueueState, received: readonly QueuedMessage[], handler: Handler): Promise<void> {
  const givenBack = new Set<number>();
  const deliveries = received.map((message): Delivery<Message> => {
    const hide = async (ms: number): Promise<void> => {
      message.visibleMs = performance.now() + ms;
    };
    const retryIn = async (ms: number): Promise<void> => {
      givenBack.add(message.id);
      await hide(ms);
    };
    return { body: JSON.parse(message.body) as Message, receiveCount: message.receives, extend: hide, retryIn };
  });
  const failed = await handler(deliveries).catch(() => received.map((_, index) => index));
  for (const [index, { id }] of received.entries()) {
    if (failed?.includes(index) !== true && !givenBack.has(id)) queue.delete(id);
  }
}

queueContract(
  'SimulatedQueue',
  async ({ visibilityMs, maxReceives }) => {
    const dead = new QueueState(Number.POSITIVE_INFINITY, null);
    const state = new QueueState(maxReceives, dead);
    const ends: (() => void)[] = [];
    let id = 0;
    const caller = faultless((call) => {
      if (call.kind !== 'send') return undefined;
      return call.bodies.flatMap((body, index) => {
        const reason = state.send(++id, body, performance.now(), call.delayMs);
        return reason === null ? [] : [{ index, reason }];
      });
    });
    return {
      queue: new SimulatedQueue<Message>('tasks', caller),
      consume: (handler) => ends.push(poll(state, visibilityMs, handler)),
      consumeDeadLetters: (handler) => ends.push(poll(dead, visibilityMs, handler)),
      dispose: async () => {
        for (const end of ends) end();
      },
    };
  },
  { visibilityMs: 50 },
);
