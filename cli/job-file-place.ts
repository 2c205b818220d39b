import { spawnSync } from 'node:child_process';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where in a user's file something went wrong. */
export interface JobFilePlace {
  readonly path: string;
  /** From 1 on. */
  readonly line: number;
  /** The line's text with a mark under it, where Node tells it; else empty. */
  readonly excerpt: string;
}

/** Folders whose frames say nothing to a user: Fanlake's own. */
const ownFolders = ['cli', 'functions'].map((name) => join(dirname(import.meta.dirname), name) + sep);

const isTheirs = (path: string): boolean =>
  !ownFolders.some((folder) => path.startsWith(folder)) && !path.includes(`${sep}node_modules${sep}`);

const pathOf = (place: string): string => (place.startsWith('file:') ? fileURLToPath(place) : place);

/**
 * The place that an error of an imported file tells: what Node's parser puts above the message (`file:///jobs.ts:3`, the line, a mark), or else the
 * first frame of its stack that is in a file of the user's. Null when it tells none, as errors of JavaScript's parser do.
 */
export function placeOfError(error: Error): JobFilePlace | null {
  const stack = error.stack ?? '';
  return placeAbove(stack, error.message) ?? placeOfFrames(stack);
}

function placeAbove(text: string, message: string): JobFilePlace | null {
  const [head = '', ...rest] = text.split('\n');
  const [, place, line] = /^(file:.+|\/.+):(\d+)$/.exec(head) ?? [];
  if (place === undefined || line === undefined) return null;
  const end = rest.findIndex((below) => /^\w*Error\b/.test(below) || below.includes(message));
  const shown = rest.slice(0, Math.max(0, end)).filter((below) => below.trim() !== '');
  return { path: pathOf(place), line: Number(line), excerpt: shown.join('\n') };
}

function placeOfFrames(stack: string): JobFilePlace | null {
  for (const [, place = '', line] of stack.matchAll(/^ +at (?:async )?(?:.*\()?((?:file:\/\/)?\/[^()]+):(\d+):\d+\)?$/gm)) {
    const path = pathOf(place);
    if (isTheirs(path)) return { path, line: Number(line), excerpt: '' };
  }
  return null;
}

/** The first of some JavaScript files that Node's parser refuses, with the place: in a process of its own, since only there it is told. */
export function placeOfSyntaxError(paths: readonly string[], message: string): JobFilePlace | null {
  for (const path of paths.filter((name) => /\.[mc]?js$/.test(name) && isTheirs(name))) {
    const { status, stderr } = spawnSync(process.execPath, ['--check', path], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    const place = status === 0 ? null : placeAbove(stderr, message);
    if (place !== null) return place;
  }
  return null;
}
