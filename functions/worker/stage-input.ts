import { dirname } from 'node:path';
import type { Piece } from '../core/piece.ts';
import type { Engine } from '../engine/session.ts';
import { parquetFooter } from '../engine/sniff.ts';
import type { ProjectAside } from '../formats/stage-halves.ts';
import type { StagedSplit } from '../formats/staged-split.ts';
import { type FetchedSplit, stageFetched } from './fetch-split.ts';

/** One split with everything that is known of it. */
export interface StagedInput extends FetchedSplit {
  readonly staged: StagedSplit;
}

/**
 * Finds a fetched split's records, of a Parquet file by its footer.
 * @param aside as for `stageSplit` @throws FanlakeError as `stageFetched`
 */
export async function stageInput(engine: Engine, fetched: FetchedSplit, aside?: ProjectAside): Promise<StagedInput> {
  const input = await stageFetched(fetched, aside);
  return input.split.layout.format === 'parquet' ? { ...input, staged: await withFooter(engine, input.staged) } : input;
}

/** A Parquet file counts its rows in its footer. */
async function withFooter(engine: Engine, staged: StagedSplit): Promise<StagedSplit> {
  const pieces: Piece[] = [];
  let records = 0;
  for (const piece of staged.pieces) {
    await engine.allow([dirname(piece.path)]);
    const { rows } = await parquetFooter(engine, piece.path);
    pieces.push({ ...piece, records: rows });
    records += rows;
  }
  return { ...staged, pieces, records };
}
