import { dirname, join } from 'node:path';
import { mkdirSync } from 'node:fs';
import type { Inspector } from '../../functions/coordinator/inspector.ts';
import type { Engine } from '../../functions/engine/session.ts';
import { engineShare } from './machine.ts';

export interface LocalInspector extends Inspector {
  /** Frees the engine, if one was loaded. */
  close(): void;
}

/** Planning's look into files and queries, with an engine that is loaded when it is first asked. */
export function localInspector(scratch: string): LocalInspector {
  let opened: Engine | null = null;
  const open = async (): Promise<Engine> => {
    if (opened !== null) return opened;
    const { Engine } = await import('../../functions/engine/session.ts');
    const folder = join(scratch, 'inspector');
    mkdirSync(folder, { recursive: true });
    opened = await Engine.open({ threads: 1, memoryLimitBytes: engineShare(4).memoryBytes, scratch: folder });
    return opened;
  };
  return {
    inferColumns: async (piece) => {
      const engine = await open();
      const { inferColumns } = await import('../../functions/engine/sniff.ts');
      await engine.allow([dirname(piece.path)]);
      return inferColumns(engine, piece);
    },
    unify: async (columns) => (await import('../../functions/engine/sniff.ts')).unifyColumns(columns),
    parquetColumns: async (path) => {
      const engine = await open();
      const { parquetFooter } = await import('../../functions/engine/sniff.ts');
      await engine.allow([dirname(path)]);
      return (await parquetFooter(engine, path)).columns;
    },
    bindQuery: async (sql, columns) => {
      const engine = await open();
      const { bindQuery } = await import('../../functions/engine/bind.ts');
      return bindQuery(engine, sql, columns);
    },
    close: () => {
      opened?.close();
      opened = null;
    },
  };
}
