import { inputOf, type MapRequest, type MapResult, runMap } from './map.ts';
import { typedRelation } from './relation.ts';
import type { Engine } from './session.ts';

/** Between two attempts to stop a statement: it may just be about to begin. */
const interruptMs = 20;

/** A query that was begun before its input was scanned, on a guess of what the scan will say. */
export interface MapAhead {
  /**
   * The result, when a request asks for the very same reading as the guess did; else null, and the engine is free for the request.
   * @throws what `runMap` throws, when the guess was right
   */
  confirm(request: MapRequest): Promise<MapResult | null>;
  /** Stops it when its input turned out to be none. */
  stop(): Promise<void>;
}

/**
 * Begins to run a query on a guess; resolves when the engine reads, so that this thread can scan the same bytes meanwhile. Nothing of the guess is
 * believed before it is confirmed.
 */
export async function mapAhead(engine: Engine, guess: MapRequest): Promise<MapAhead> {
  let begin = (): void => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const result = runMap(engine, { ...guess, onStart: begin });
  const ended = result.then(
    () => {},
    () => {},
  );
  await Promise.race([begun, ended]);
  const stop = async (): Promise<void> => {
    const timer = setInterval(() => engine.interrupt(), interruptMs);
    engine.interrupt();
    await ended;
    clearInterval(timer);
  };
  const reading = typedRelation(inputOf(guess)).sql;
  return {
    stop,
    async confirm(request) {
      if (typedRelation(inputOf(request)).sql === reading) return result;
      await stop();
      return null;
    },
  };
}
