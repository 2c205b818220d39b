import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FanlakeError } from '../core/errors.ts';
import type { Inspector } from '../core/inspector.ts';
import type { Engine, EngineOptions } from './session.ts';

export interface EngineInspector extends Inspector {
  /** Stops what the engine does, and frees it. What is asked of it from then on ends with `run.interrupted`. */
  close(): Promise<void>;
}

/** Between two attempts to stop a statement: the one that is to be stopped may just be about to begin. */
const interruptMs = 20;

type OpenEngine = (options: EngineOptions) => Promise<Engine>;

const openWhenAsked: OpenEngine = async (options) => (await import('./session.ts')).Engine.open(options);

/**
 * Planning's look into files and queries, with an engine that is loaded when it is first asked.
 * @param scratch the folder that samples lie below
 * @param memoryBytes that the engine may take
 */
export function engineInspector(scratch: string, memoryBytes: number, openEngine: OpenEngine = openWhenAsked): EngineInspector {
  let opened: Engine | null = null;
  let last: Promise<unknown> = Promise.resolve();
  let closing = false;
  const open = async (): Promise<Engine> => {
    if (opened?.isBroken === false) return opened;
    // a file that broke it takes none of those behind it along
    opened?.close();
    opened = null;
    // samples lie below the same folder, so that a new one needs no new engine
    opened = await openEngine({ threads: 1, memoryLimitBytes: memoryBytes, scratch });
    return opened;
  };
  /** An engine does one thing at a time. */
  const inTurn = <Result>(work: (engine: Engine) => Promise<Result>): Promise<Result> => {
    const result = last.then(async () => {
      try {
        if (!closing) return await work(await open());
      } catch (thrown) {
        if (!closing) throw thrown;
      }
      // not as the input's or the query's fault, which would be written down as the run's end
      throw new FanlakeError('run.interrupted', 'Planning was interrupted: the same command begins again.');
    });
    last = result.catch(() => {});
    return result;
  };
  return {
    inferColumns: (piece) =>
      inTurn(async (engine) => {
        const { inferColumns } = await import('./sniff.ts');
        await engine.allow([dirname(piece.path)]);
        return inferColumns(engine, piece);
      }),
    unify: async (columns) => (await import('./sniff.ts')).unifyColumns(columns),
    parquetColumns: (path) =>
      inTurn(async (engine) => {
        const { parquetFooter } = await import('./sniff.ts');
        await engine.allow([dirname(path)]);
        return (await parquetFooter(engine, path)).columns;
      }),
    bindQuery: (sql, columns, sides) =>
      inTurn(async (engine) => {
        const { bindQuery } = await import('./bind.ts');
        return bindQuery(engine, sql, columns, sides);
      }),
    close: async () => {
      closing = true;
      let idle = false;
      const ended = last.then(() => {
        idle = true;
      });
      // the engine must be idle: freed under a running statement it blocks for ever, and with it the end of the process
      while (!idle) {
        opened?.interrupt();
        await Promise.race([ended, sleep(interruptMs)]);
      }
      opened?.close();
      opened = null;
    },
  };
}
