import { ProgressView } from '../../../cli/render/progress.ts';
import { plainStyle } from '../../../cli/render/style.ts';
import type { Shell } from '../../../cli/shell.ts';

/** A shell that shows nothing. */
export const silentShell: Shell = {
  style: plainStyle,
  currentFolder: '/',
  progress: () => new ProgressView({ write: () => {} }, plainStyle),
  note: () => {},
  line: () => {},
  end: () => {},
  answer: () => {},
  interruption: () => new AbortController().signal,
};
