/**
 * What a task found out about one split: which records of the object it owns. A split owns every record that starts inside
 * `[start, end)`.
 */
export interface ChainLink {
  readonly key: string;
  /** Bytes of the object; the last link must end here. */
  readonly size: number;
  /** Where the object's first record starts, behind byte order mark and header; `size` when there is none. */
  readonly dataStart: number;
  /** The split, half-open. */
  readonly start: number;
  readonly end: number;
  /** Where its first record starts and its last one ends; null when no record starts inside it. */
  readonly from: number | null;
  readonly to: number | null;
  /** The same under the start state that the worker did not choose, where it had to guess. */
  readonly alternative: { readonly from: number | null; readonly to: number | null } | null;
}

/** A link and the task whose part it stands in. */
export interface TaskLink extends ChainLink {
  readonly task: number;
}

/** A split that was read from a wrong place, and the right one. */
export interface BrokenLink {
  readonly task: number;
  readonly key: string;
  readonly start: number;
  readonly end: number;
  readonly from: number;
}

export type ChainVerdict =
  | { readonly kind: 'whole' }
  | { readonly kind: 'broken'; readonly links: readonly BrokenLink[] }
  /** Not a wrong guess but a gap or an overlap of the splits themselves: never to be committed. */
  | { readonly kind: 'gap'; readonly key: string; readonly expected: number; readonly found: number }
  /** Behind a hole stands a split that guessed where its first record starts: nothing is left to prove it. */
  | { readonly kind: 'unproven'; readonly key: string; readonly start: number };

function compareLinks(a: TaskLink, b: TaskLink): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return a.start - b.start;
}

/**
 * Whether the links of each object cover it without gap or overlap: each split's first record starts where the record before it ends.
 * A link that does not fit is named with its exact start. Where the link's alternative fits, the check goes on behind it, so that one
 * new epoch mends all wrong guesses; where it doesn't, the rest of the object is judged in the next epoch.
 * @param holed says of an object that links of it are absent (failed tasks, or the rest of a run committed in part): it is checked again behind
 * each hole, where a split must have known its start
 */
export function checkChain(links: Iterable<TaskLink>, holed: (key: string) => boolean = () => false): ChainVerdict {
  const sorted = [...links].sort(compareLinks);
  const broken: BrokenLink[] = [];
  let other: ChainVerdict | null = null;
  for (let first = 0; first < sorted.length; ) {
    let last = first + 1;
    while (last < sorted.length && sorted[last]?.key === sorted[first]?.key) last += 1;
    const verdict = checkObject(sorted.slice(first, last), holed);
    if (verdict.kind === 'broken') broken.push(...verdict.links);
    else if (verdict.kind !== 'whole') other ??= verdict;
    first = last;
  }
  return broken.length === 0 ? (other ?? { kind: 'whole' }) : { kind: 'broken', links: broken };
}

function checkObject(links: readonly TaskLink[], holed: (key: string) => boolean): ChainVerdict {
  const head = links[0];
  if (head === undefined) return { kind: 'whole' };
  const { key, size, dataStart } = head;
  const broken: BrokenLink[] = [];
  let position = 0;
  /** Where the next record starts; null behind a hole, where only the next link itself can tell. */
  let cursor: number | null = dataStart;
  for (const link of links) {
    if (link.start !== position) {
      const verdict = judgeHole(link, position, holed(key));
      if (verdict !== null) return verdict;
      cursor = null;
    }
    position = link.end;
    const step = follow(link, cursor);
    if (!step.fits && cursor !== null) broken.push({ task: link.task, key, start: link.start, end: link.end, from: cursor });
    // a wrong link without a fitting alternative: what is behind it can't be judged yet
    if (step.next === undefined) return { kind: 'broken', links: broken };
    cursor = step.next;
  }
  if (broken.length > 0) return { kind: 'broken', links: broken };
  if (holed(key) || (position === size && cursor === size)) return { kind: 'whole' };
  return { kind: 'gap', key, expected: size, found: position === size ? (cursor ?? -1) : position };
}

/** What is wrong with a link that doesn't begin where the one before it ends; null for the far side of an expected hole. */
function judgeHole(link: TaskLink, position: number, expected: boolean): ChainVerdict | null {
  if (!expected || link.start < position) return { kind: 'gap', key: link.key, expected: position, found: link.start };
  return link.alternative === null ? null : { kind: 'unproven', key: link.key, start: link.start };
}

/** Goes over one link: whether it fits the cursor, and where the next record starts (undefined: unknown). */
function follow(link: TaskLink, cursor: number | null): { readonly fits: boolean; readonly next: number | null | undefined } {
  if (cursor === null) return { fits: true, next: link.to };
  if (cursor >= link.end) return { fits: link.from === null, next: cursor };
  if (link.from === cursor) return { fits: true, next: link.to };
  const other = link.alternative;
  return { fits: false, next: other !== null && other.from === cursor && other.to !== null ? other.to : undefined };
}
