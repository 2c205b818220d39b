import { styleText } from 'node:util';

type Look = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** How text looks on one stream. */
export interface Style {
  /** Width of the terminal in columns; null where nobody reads along (a file, a pipe). */
  readonly columns: number | null;
  paint(look: Look, text: string): string;
}

export const plainStyle: Style = { columns: null, paint: (_look, text) => text };

interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/**
 * The style that suits a stream: colours only on a terminal, and not when NO_COLOR is set (no-color.org: to anything but the empty text).
 */
export function styleFor(stream: Stream, environment: NodeJS.ProcessEnv): Style {
  if (stream.isTTY !== true) return plainStyle;
  const columns = Math.max(20, stream.columns ?? 80);
  const coloured = (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb';
  return { columns, paint: (look, text) => (coloured ? styleText(look, text, { validateStream: false }) : text) };
}
