import { rmSync } from 'node:fs';
import type { CsvLayout } from '../core/layout.ts';
import { openSource } from './file-source.ts';
import { type ProjectedStretch, projectStretch, type StretchToProject } from './project-stretch.ts';
import { worthProjectingBytes } from './projected-copy.ts';
import type { SplitToStage, StagedSplit } from './staged-split.ts';
import { likelyRecordStart } from './text-scan.ts';

/** Runs `projectStretch` beside this thread. Null as there, and when it fails: what is wrong shows again when the object is staged as a whole. */
export type ProjectAside = (stretch: StretchToProject) => Promise<ProjectedStretch | null>;

/** An object of so many times the bytes that are worth projecting: below, a thread is begun as late as the scan is over. */
const halvedOver = 16;

/**
 * Scans a whole CSV object in two threads, and copies the fields that the engine needs: where the scan has a core that nobody else uses, half the time. Where
 * a record starts in its middle is guessed, and proven when the first half's last record ends there.
 * @param split a whole object that is worth projecting
 * @returns without its link; null where it isn't large, and where anything isn't as it is in most objects
 */
export async function stageHalves(
  split: SplitToStage,
  layout: CsvLayout,
  aside: ProjectAside,
): Promise<Omit<StagedSplit, 'link' | 'bytesCovered'> | null> {
  const { path, size, threads } = split;
  if (threads < 2 || size < halvedOver * (split.projectBytes ?? worthProjectingBytes)) return null;
  const cut = likelyCut(split, layout);
  if (cut === null) return null;
  const pending = aside({ split, range: { start: cut, end: size } });
  let first: ProjectedStretch | null;
  try {
    first = projectStretch({ split, range: { start: layout.dataStart, end: cut } });
  } finally {
    await pending;
  }
  const second = await pending;
  if (first === null || second === null) {
    for (const half of [first, second]) if (half !== null) rmSync(half.piece.path, { force: true });
    return null;
  }
  const text = { path, origin: 0, size, from: layout.dataStart, to: size };
  return { pieces: [first.piece, second.piece], records: first.records + second.records, suspects: false, text };
}

function likelyCut({ path, size }: SplitToStage, layout: CsvLayout): number | null {
  const source = openSource(path, size);
  try {
    const cut = likelyRecordStart(source, layout, Math.floor(size / 2));
    return cut === null || cut >= size ? null : cut;
  } finally {
    source.close();
  }
}
