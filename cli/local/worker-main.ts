import { systemClock, systemNonces } from '../../functions/adapters/system-clock.ts';
import { serveWorker, workerSettings } from '../../functions/adapters/worker-process.ts';
import type { MergeMessage } from '../../functions/core/merge-task.ts';
import type { TaskMessage } from '../../functions/core/task.ts';
import { PlanCache } from '../../functions/protocol/plan-cache.ts';
import { mapComputer } from '../../functions/worker/compute-map.ts';
import { handleTask, type WorkerContext } from '../../functions/worker/handle-task.ts';
import { ProcessEngine } from '../../functions/worker/process-engine.ts';
import { openHome, ownScratch } from './home.ts';
import { localSizing } from './local-sizing.ts';
import { scanThread } from './scan-thread.ts';
import { decodeSettings } from './worker-settings.ts';

/** A worker process on this machine: the wiring of the worker function to the local adapters. */
const settings = decodeSettings(await workerSettings());
const home = openHome(settings.home);
const scratch = ownScratch(home);
const engines = new ProcessEngine(settings.share, scratch);
// before the first task, so that a warm worker is really warm
await engines.engine(1);
const plans = new PlanCache(home.stores.work);
const sizing = localSizing();
const computer = mapComputer({ landing: home.stores.landing, work: home.stores.work, engines, aside: scanThread() });

serveWorker<TaskMessage | MergeMessage>({
  onTask: async (delivery, { queue }) => {
    const context: WorkerContext = {
      stores: home.stores,
      tasks: queue('tasks'),
      merges: queue('merges'),
      commits: queue('commits'),
      monitor: queue('monitor'),
      clock: systemClock,
      nonces: systemNonces,
      announce: null,
      sizing,
      computer,
      plans,
      requests: home.requests,
      scratch,
    };
    await handleTask(context, delivery);
  },
});
