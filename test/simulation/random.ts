/** Numbers that look random and are the same for the same seed: everything that a simulation leaves to chance comes from one of these. */
export class Random {
  private state: number;

  constructor(seed: number) {
    // near seeds must not begin alike
    this.state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
    for (let n = 0; n < 3; n++) this.next();
  }

  /** At least 0 and less than 1 (mulberry32, Tommy Ettinger, 2017). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number of `[0, end)`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** A whole number of `[from, to]`. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** @throws Error when there is nothing to pick from */
  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  /** One of them, each as likely as its weight says; undefined when there is none. */
  weighted<Item extends { readonly weight: number }>(items: readonly Item[]): Item | undefined {
    let sum = 0;
    for (const { weight } of items) sum += weight;
    let left = this.next() * sum;
    for (const item of items) {
      left -= item.weight;
      if (left < 0) return item;
    }
    return items.at(-1);
  }
}
