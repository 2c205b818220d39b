import { FanlakeError } from '../core/errors.ts';
import { type EpochId, planKey } from '../core/keys.ts';
import type { Plan } from '../core/plan.ts';
import type { ObjectStore } from '../core/ports.ts';
import { readPlan } from './documents.ts';

/** Plans kept by a process; a plan never changes. */
const keptPlans = 16;

/** The plans that a process works on, each read once. */
export class PlanCache {
  private readonly work: ObjectStore;
  private readonly plans = new Map<string, Plan>();

  constructor(work: ObjectStore) {
    this.work = work;
  }

  /**
   * @param id with the nonce of the plan, where it is known: another one that is kept was lost, and is read anew; without it, it is read anew each time
   * @throws FanlakeError `store.failed` when the plan is gone
   */
  async get(id: EpochId & { readonly plan?: string }): Promise<Plan> {
    const key = planKey(id);
    const known = this.plans.get(key);
    if (known !== undefined && known.nonce === id.plan) return known;
    const plan = await readPlan(this.work, id);
    if (plan === null)
      throw new FanlakeError(
        'store.failed',
        `The plan of run ${id.run} is gone from ${this.work.locate(key)}. Run its job over the input again: fanlake run <job> --input ...`,
      );
    const oldest = this.plans.keys().next();
    if (this.plans.size >= keptPlans && oldest.value !== undefined) this.plans.delete(oldest.value);
    this.plans.set(key, plan);
    return plan;
  }
}
