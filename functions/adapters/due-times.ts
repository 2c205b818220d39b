interface DueItem<T> {
  readonly dueMs: number;
  /** Among those due at the same time the earlier one comes first. */
  readonly order: number;
  readonly item: T;
}

/** Items by the time at which they are due: a binary heap. */
export class DueTimes<T> {
  readonly #heap: DueItem<T>[] = [];
  #added = 0;

  add(dueMs: number, item: T): void {
    this.#added += 1;
    const added = { dueMs, order: this.#added, item };
    let index = this.#heap.push(added) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || !isBefore(added, parent)) break;
      this.#heap[index] = parent;
      index = above;
    }
    this.#heap[index] = added;
  }

  /** When the next one is due; undefined when there is none. */
  get nextMs(): number | undefined {
    return this.#heap[0]?.dueMs;
  }

  /** Removes the next one if it is due at `nowMs`. */
  takeDue(nowMs: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.dueMs > nowMs) return undefined;
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) this.#sink(last);
    return first.item;
  }

  #sink(sinking: DueItem<T>): void {
    let index = 0;
    for (;;) {
      const left = this.#heap[2 * index + 1];
      const right = this.#heap[2 * index + 2];
      const lower = right !== undefined && left !== undefined && isBefore(right, left) ? right : left;
      if (lower === undefined || !isBefore(lower, sinking)) break;
      this.#heap[index] = lower;
      index = 2 * index + (lower === right ? 2 : 1);
    }
    this.#heap[index] = sinking;
  }
}

function isBefore(a: DueItem<unknown>, b: DueItem<unknown>): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
