import { parentPort } from 'node:worker_threads';
import { projectStretch, type StretchToProject } from '../../functions/formats/project-stretch.ts';

/** A thread beside a worker's own, which scans half of its object. */
parentPort?.on('message', (stretch: StretchToProject) => parentPort?.postMessage(projectStretch(stretch)));
