import { harmless } from '../../../cli/render/error.ts';
import type { Style } from '../../../cli/render/style.ts';

/** A line that a function wrote. */
export interface FunctionLine {
  /** The function's name, as it was deployed. */
  readonly lambda: string;
  readonly text: string;
}

const functions: Readonly<Record<string, string>> = {
  Coordinator: 'coordinator',
  Worker: 'worker',
  Reducer: 'reducer',
  Monitor: 'monitor',
  DeadLetters: 'dead letters',
};
const nameWidth = Math.max(...Object.values(functions).map((name) => name.length));

/** What Powertools writes on each line for machines, and what is shown in a place of its own. */
const notRepeated = new Set([
  ...['level', 'message', 'timestamp', 'service', 'cold_start', 'sampling_rate', 'xray_trace_id', 'stack'],
  ...['function_arn', 'function_memory_size', 'function_name', 'function_request_id', 'function_version'],
  ...['run', 'epoch', 'task', 'job'],
]);

/** Where the platform itself says that an invocation begins and ends. */
const platform = /^(?:START|END|REPORT|INIT_START) /;
const trouble = /error|timed out|killed|signal/i;

function parsed(text: string): Readonly<Record<string, unknown>> | null {
  if (!text.startsWith('{')) return null;
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return null;
  }
}

/** Milliseconds since 1970 at which a line was written; null for one that doesn't tell. */
export function timeOf(text: string): number | null {
  const at = Date.parse(String(parsed(text)?.['timestamp']));
  return Number.isNaN(at) ? null : at;
}

function lookOf(level: unknown): 'red' | 'yellow' | null {
  if (level === 'ERROR' || level === 'CRITICAL') return 'red';
  return level === 'WARN' ? 'yellow' : null;
}

/** The run and the task, then what else the line tells. */
function aboutWhat(fields: Readonly<Record<string, unknown>>, style: Style): string {
  const { run, epoch, task } = fields;
  const place = [
    ...(run === undefined ? [] : [String(run)]),
    ...(task === undefined ? [] : [`task ${String(task)}`]),
    ...(Number(epoch) > 0 ? [`epoch ${String(epoch)}`] : []),
  ];
  const rest = Object.entries(fields)
    .filter(([name, value]) => !notRepeated.has(name) && value !== null && value !== '')
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
  return [style.paint('cyan', place.join(' ')), style.paint('dim', rest.join(' '))].filter((part) => part !== '').join('  ');
}

/**
 * A function's line as a person reads it: time, function, message, run and task, and what else it tells; errors red.
 * @returns null for what is of no interest here: metrics, and where invocations begin and end
 */
export function renderFunctionLine({ lambda, text }: FunctionLine, style: Style): string | null {
  const [, part = ''] = /Fanlake(Coordinator|Worker|Reducer|Monitor|DeadLetters)/.exec(lambda) ?? [];
  const name = (functions[part] ?? lambda).padEnd(nameWidth);
  const fields = parsed(text);
  if (fields === null) {
    if (text.trim() === '' || platform.test(text)) return null;
    const shown = harmless(text.trimEnd());
    return `${' '.repeat(12)}  ${name}  ${trouble.test(text) ? style.paint('red', shown) : shown}`;
  }
  if (fields['_aws'] !== undefined) return null;
  const at = timeOf(text);
  const time = at === null ? ' '.repeat(12) : new Date(at).toISOString().slice(11, 23);
  const look = lookOf(fields['level']);
  const message = harmless(String(fields['message'] ?? ''));
  const said = look === null ? message : style.paint(look, message);
  return `${style.paint('dim', time)}  ${name}  ${said}  ${harmlessFields(fields, style)}`.trimEnd();
}

function harmlessFields(fields: Readonly<Record<string, unknown>>, style: Style): string {
  const clean = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? harmless(value) : value]),
  );
  return aboutWhat(clean, style);
}
