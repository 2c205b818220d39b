import { exitCodes } from './exit-code.ts';

/** A terminal and a starter may both pass on one Ctrl-C: a second signal within this time is the same one. */
const sameSignalMs = 500;

/** Aborted by SIGINT or SIGTERM. From half a second later on, another one ends the process at once. */
export function listenForInterruption(): AbortSignal {
  const abort = new AbortController();
  let firstMs: number | null = null;
  const onSignal = () => {
    const now = performance.now();
    if (firstMs !== null && now - firstMs > sameSignalMs) process.exit(exitCodes.interrupted);
    firstMs ??= now;
    abort.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return abort.signal;
}

/** Thrown in the place where a command was interrupted. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** `work`'s result, unless the signal comes first. @throws Interrupted */
export async function unlessInterrupted<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  if (signal.aborted) throw new Interrupted('interrupted');
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(new Interrupted('interrupted'));
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    // whatever it meets after the interruption is nobody's any more
    work.catch(() => {});
  }
}
