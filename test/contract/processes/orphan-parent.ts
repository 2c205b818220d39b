/** Starts a worker process that no pool takes up, and tells its process id. */
import path from 'node:path';
import { forkWorker } from '../../../functions/adapters/fork-worker.ts';

process.send?.(forkWorker(path.join(import.meta.dirname, 'settings-worker.ts'), [], process.env).pid);
setInterval(() => {}, 1000);
