import { registerHooks } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The module that `import 'fanlake'` names: of these sources, or of the packed package. */
const packageModule = new URL(`../functions/core/job${extname(import.meta.filename)}`, import.meta.url).href;

const registered = new Set<string>();
const imported = new Set<string>();

/** Paths of the files that jobs' files and what they import were loaded from, in order. */
export const importedFiles = (): readonly string[] => [...imported];

/**
 * Lets a job's file be imported wherever it lies: `import 'fanlake'` means this very package, also in a folder that has no package at all, and a
 * TypeScript file is a module though no package.json says so.
 */
export function letJobsImportFanlake(jobFile: string): void {
  registered.add(pathToFileURL(jobFile).href);
  if (registered.size > 1) return;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'fanlake' ? { url: packageModule, shortCircuit: true } : next(specifier, context),
    load: (url, context, next) => {
      const { pathname, protocol } = new URL(url);
      if (protocol === 'file:') imported.add(fileURLToPath(url));
      const untold = context.format === undefined || context.format === null;
      return next(url, untold && /\.m?ts$/.test(pathname) ? { ...context, format: 'module-typescript' } : context);
    },
  });
}
