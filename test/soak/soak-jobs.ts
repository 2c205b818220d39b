import type { JobDeclaration } from '../../functions/core/job.ts';
import { columns } from './soak-files.ts';

export const uploadJobs = ['visits', 'calls'] as const;
/** Of both jobs. */
export const uploadsTable = 'visits';
/** Of runs with a query and a split size. */
export const splitsTable = 'splits';
export const splitsQuery = 'SELECT id::BIGINT AS id, upload::BIGINT AS upload, what FROM input';

/** Two jobs into one table. */
export const declarations: readonly JobDeclaration[] = uploadJobs.map((name) => ({
  name,
  input: { prefix: `landing/${name}/`, format: 'csv', columns },
  table: { name: uploadsTable },
}));

/** As a user's jobs/index.ts lists them. */
export const jobsFile = `import { defineJob } from 'fanlake';
${declarations.map((declaration) => `export const ${declaration.name} = defineJob(${JSON.stringify(declaration)});\n`).join('')}`;
