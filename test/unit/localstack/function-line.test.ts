import { describe, expect, it } from 'vitest';
import { plainStyle, type Style } from '../../../cli/render/style.ts';
import { renderFunctionLine } from '../../localstack/play/function-line.ts';

const lambda = 'Fanlake-FanlakeWorkerFunction39C-90854953';
const written = {
  level: 'INFO',
  message: 'task done',
  timestamp: '2026-11-22T21:38:15.666Z',
  service: 'fanlake',
  cold_start: true,
  function_name: lambda,
  function_request_id: '752d216e',
  run: 'zips-93da',
  epoch: 0,
  task: 7,
  receiveCount: 2,
};
const line = (more: Readonly<Record<string, unknown>> = {}) => ({ lambda, text: JSON.stringify({ ...written, ...more }) });
const marked: Style = { columns: null, paint: (look, text) => `<${look}>${text}` };

describe('a line of a function', () => {
  it('shows time, function, message, run, task, and what else it tells but nothing that only machines read', () => {
    expect(renderFunctionLine(line(), plainStyle)).toBe('21:38:15.666  worker        task done  zips-93da task 7  receiveCount=2');
    expect(renderFunctionLine(line({ epoch: 3, code: null }), plainStyle)).toContain('zips-93da task 7 epoch 3  receiveCount=2');
  });

  it('is red where it tells of an error, yellow where of a warning', () => {
    expect(renderFunctionLine(line({ level: 'ERROR' }), marked)).toContain('<red>task done');
    expect(renderFunctionLine(line({ level: 'WARN' }), marked)).toContain('<yellow>task done');
    expect(renderFunctionLine({ lambda, text: 'RequestId: 1 Error: Task timed out after 40.00 seconds' }, marked)).toContain(
      '<red>RequestId',
    );
    expect(renderFunctionLine(line(), marked)).not.toContain('<red>');
  });

  it('is left out where it is a metric, or the platform says that an invocation begins or ends', () => {
    expect(renderFunctionLine({ lambda, text: '{"_aws":{},"RunsCommitted":1}' }, plainStyle)).toBeNull();
    for (const text of ['START RequestId: 1 Version: $LATEST', 'END RequestId: 1', 'REPORT RequestId: 1\tDuration: 2 ms', '  '])
      expect(renderFunctionLine({ lambda, text }, plainStyle)).toBeNull();
  });

  it('cannot steer the terminal', () => {
    expect(renderFunctionLine(line({ key: 'a\u001b[2Jb' }), plainStyle)).toContain('key=a\\x1b[2Jb');
    expect(renderFunctionLine({ lambda, text: 'half {"\u001b[2J' }, plainStyle)).toContain('half {"\\x1b[2J');
  });
});
