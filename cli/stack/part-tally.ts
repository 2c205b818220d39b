import { groupCount, groupSize } from '../../functions/core/keys.ts';
import type { Plan } from '../../functions/core/plan.ts';
import type { ObjectStore } from '../../functions/core/ports.ts';
import { finishedTasks } from '../../functions/protocol/barrier.ts';
import { isLast, mapStage, readStage, type Stage } from '../../functions/protocol/stages.ts';
import type { TaskCount } from '../store/wait-for-outcome.ts';

/** Groups that one look lists: each is a request, and of a large run a thousand would be too many every second. */
const groupsPerLook = 10;

/** Counts the parts of an epoch from outside, a few groups at a time. */
export class PartTally {
  private readonly work: ObjectStore;
  private planNonce = '';
  /** The newest stage that is known to have begun; null before the first look. */
  private stage: Stage | null = null;
  /** Tasks of the stages before it. */
  private tasksBefore = 0;
  private counts: number[] = [];
  private next = 0;

  constructor(work: ObjectStore) {
    this.work = work;
  }

  /** Tasks of the stages that have begun, and how many of them are done or failed, as far as the looks so far have shown. */
  async count(plan: Plan): Promise<TaskCount> {
    if (plan.nonce !== this.planNonce || this.stage === null) {
      this.planNonce = plan.nonce;
      this.tasksBefore = 0;
      this.begin(mapStage(plan));
    }
    const stage = this.stage ?? mapStage(plan);
    await Promise.all(this.dueGroups(stage).map(async (group) => this.countGroup(plan, stage, group)));
    const finished = this.counts.reduce((sum, count) => sum + count, 0);
    const counted = { finished: this.tasksBefore + finished, tasks: this.tasksBefore + stage.tasks };
    if (finished < stage.tasks || isLast(plan, stage)) return counted;
    const behind = await readStage(this.work, plan, stage.stage + 1);
    if (behind === null) return counted;
    this.tasksBefore += stage.tasks;
    this.begin(behind);
    return { finished: this.tasksBefore, tasks: this.tasksBefore + behind.tasks };
  }

  private begin(stage: Stage): void {
    this.stage = stage;
    this.counts = new Array<number>(groupCount(stage.tasks)).fill(0);
    this.next = 0;
  }

  private async countGroup(plan: Plan, { stage }: Stage, group: number): Promise<void> {
    this.counts[group] = (await finishedTasks(this.work, plan, stage, group)).size;
  }

  /** The next groups in turn that aren't full. */
  private dueGroups({ tasks }: Stage): readonly number[] {
    const due: number[] = [];
    for (let step = 0; step < this.counts.length && due.length < groupsPerLook; step++) {
      const group = this.next;
      this.next = (this.next + 1) % this.counts.length;
      if ((this.counts[group] ?? 0) < groupSize(group, tasks)) due.push(group);
    }
    return due;
  }
}
