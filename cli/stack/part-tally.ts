import { groupCount, groupSize } from '../../functions/core/keys.ts';
import type { Plan } from '../../functions/core/plan.ts';
import type { ObjectStore } from '../../functions/core/ports.ts';
import { finishedTasks } from '../../functions/protocol/barrier.ts';

/** Groups that one look lists: each is a request, and of a large run a thousand would be too many every second. */
const groupsPerLook = 10;

/** Counts the parts of an epoch from outside, a few groups at a time. */
export class PartTally {
  private readonly work: ObjectStore;
  private planNonce = '';
  private counts: number[] = [];
  private next = 0;

  constructor(work: ObjectStore) {
    this.work = work;
  }

  /** Tasks of the plan that are done or failed, as far as the looks so far have shown. */
  async finished(plan: Plan): Promise<number> {
    if (plan.nonce !== this.planNonce) {
      this.planNonce = plan.nonce;
      this.counts = new Array<number>(groupCount(plan.tasks)).fill(0);
      this.next = 0;
    }
    await Promise.all(this.dueGroups(plan).map(async (group) => this.count(plan, group)));
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  private async count(plan: Plan, group: number): Promise<void> {
    this.counts[group] = (await finishedTasks(this.work, plan, 0, group)).size;
  }

  /** The next groups in turn that aren't full. */
  private dueGroups({ tasks }: Plan): readonly number[] {
    const due: number[] = [];
    for (let step = 0; step < this.counts.length && due.length < groupsPerLook; step++) {
      const group = this.next;
      this.next = (this.next + 1) % this.counts.length;
      if ((this.counts[group] ?? 0) < groupSize(group, tasks)) due.push(group);
    }
    return due;
  }
}
