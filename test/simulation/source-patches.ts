/** Changes of source text, made when a module is loaded: how a simulation gets groups of two tasks, and a defect that it must find. */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

export interface SourcePatch {
  /** From the repository's root. */
  readonly file: string;
  /** Stands in it exactly once. */
  readonly find: string;
  readonly replace: string;
}

const root = new URL('../../', import.meta.url);

/**
 * The text with all of a file's patches.
 * @throws Error when the code has changed so that one doesn't fit it any more
 */
function patched(source: string, file: string, patches: readonly SourcePatch[]): string {
  let text = source;
  for (const { find, replace } of patches.filter((patch) => patch.file === file)) {
    if (text.split(find).length !== 2) throw new Error(`${file} doesn't have exactly one place that reads: ${find}`);
    text = text.replace(find, () => replace);
  }
  return text;
}

/**
 * Patches modules that are loaded from now on.
 * @throws Error as `patched` does, for files that are never loaded too
 */
export function patchModules(patches: readonly SourcePatch[]): void {
  for (const { file } of patches) patched(readFileSync(new URL(file, root), 'utf8'), file, patches);
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.startsWith(root.href) || loaded.source === undefined || loaded.source === null) return loaded;
      const file = decodeURIComponent(url.slice(root.href.length));
      if (!patches.some((patch) => patch.file === file)) return loaded;
      return { ...loaded, source: patched(textOf(loaded.source, url), file, patches) };
    },
  });
}

function textOf(source: string | ArrayBuffer | NodeJS.TypedArray, url: string): string {
  return typeof source === 'string' ? source : readFileSync(fileURLToPath(url), 'utf8');
}

/** Few tasks make several groups and pages, and few bytes several merge tasks and stages: the code is the same, its sizes aren't. */
export const smallGroups: readonly SourcePatch[] = [
  { file: 'functions/core/keys.ts', find: 'export const tasksPerGroup = 1_000;', replace: 'export const tasksPerGroup = 2;' },
  { file: 'functions/core/plan.ts', find: 'export const maxInlineTasks = 10;', replace: 'export const maxInlineTasks = 1;' },
  {
    file: 'functions/core/stage-sizing.ts',
    find: `  mergeBytes: 64 * 2 ** 20,
  combineInputs: 64,
  combineBytes: 2 ** 30,
  mostInputs: 1_000,
  requestsPerInput: 4,
  freeRequests: 1_000,
  mostBytes: 2 ** 30,`,
    replace:
      '  mergeBytes: 20,\n  combineInputs: 2,\n  combineBytes: 60,\n  mostInputs: 4,\n  requestsPerInput: 1,\n  freeRequests: 2,\n  mostBytes: 30,',
  },
];
