import { FanlakeError } from '../core/errors.ts';

/** What the operating system says when a staged file can't be written, as an error of ours; anything else as it is. */
export function asScratchError(thrown: unknown, what: string): unknown {
  if (!(thrown instanceof Error) || !('code' in thrown)) return thrown;
  const where = 'path' in thrown ? ` at ${String(thrown.path)}` : '';
  switch (thrown.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new FanlakeError(
        'store.full',
        `There is no space left to ${what}${where}. Free some, or use smaller splits (run: --split-size).`,
        {},
        thrown,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new FanlakeError('store.denied', `The scratch folder can't be written to ${what}${where}. Make it writable.`, {}, thrown);
    default:
      return thrown;
  }
}

/** Whether the disk was full. */
export const isFull = (thrown: unknown): boolean => thrown instanceof FanlakeError && thrown.code === 'store.full';
