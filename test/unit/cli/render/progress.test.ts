import { expect, it } from 'vitest';
import { ProgressView, progressBar } from '../../../../cli/render/progress.ts';
import { plainStyle, styleFor } from '../../../../cli/render/style.ts';

const state = { run: 'visits-1', finished: 1, tasks: 4, inputBytes: 2048 };

function written(style: typeof plainStyle, act: (view: ProgressView) => void): string {
  let text = '';
  const view = new ProgressView({ write: (more: string) => (text += more) }, style);
  act(view);
  return text;
}

it('where nobody looks, progress is plain lines: no control character, not one for every task', () => {
  const text = written(plainStyle, (view) => {
    view.begin('planning visits');
    for (let finished = 0; finished <= 4; finished++) view.update({ ...state, finished });
    view.end();
  });
  expect(text).toMatch(/^planning visits\nvisits-1: 0 of 4 tasks, 2 KiB of input, [\d.]+ s\n$/);
});

it('on a terminal it is one line that is drawn anew and taken away at the end', () => {
  const text = written(styleFor({ isTTY: true, columns: 60 }, {}), (view) => {
    view.begin('planning visits');
    view.update(state);
    view.end();
  });
  expect(text).not.toContain('\n');
  expect(text).toContain('1 of 4 tasks');
  expect(text.endsWith('\r\x1b[K')).toBe(true);
});

it('nothing is shown after the end', () => {
  const text = written(plainStyle, (view) => {
    view.end();
    view.update(state);
  });
  expect(text).toBe('');
});

it('the bar is full only when all is done', () => {
  expect(progressBar(0, 3)).toBe(`[${'░'.repeat(24)}]`);
  expect(progressBar(999, 1000)).toContain('░');
  expect(progressBar(3, 3)).toBe(`[${'█'.repeat(24)}]`);
});

/** The line that stands on a terminal of this width. */
function lineAt(columns: number, shown: typeof state): string {
  const text = written(styleFor({ isTTY: true, columns }, { NO_COLOR: '1' }), (view) => view.update(shown));
  return text.slice('\r'.length, -'\x1b[K'.length);
}

const large = { run: 'visits-1', finished: 123_456, tasks: 1_000_000, inputBytes: 2.4e12 };

it.each([120, 80, 60, 50, 40, 30, 20])('the count is whole on a terminal of %d columns, and the line fits', (columns) => {
  expect(lineAt(columns, state)).toMatch(/1 of 4 tasks|1\/4/);
  expect(lineAt(columns, large)).toMatch(/123,456 of 1,000,000 tasks|123,456\/1,000,000/);
  for (const shown of [state, large]) expect(lineAt(columns, shown).length).toBeLessThan(columns);
});

it('the bar keeps its length while the count grows', () => {
  const lengths = [0, 9, 10, 99, 100].map((finished) => lineAt(60, { ...state, finished, tasks: 100 }).indexOf(']'));
  expect(new Set(lengths).size).toBe(1);
});

it('while there is no plan the time is visible, however long the message', () => {
  const text = written(styleFor({ isTTY: true, columns: 40 }, {}), (view) => {
    view.begin('planning a job with a very long name: 1 object, 2.46 MiB');
    view.end();
  });
  expect(text).toMatch(/planning a job with a very lon… {2}0\.\d\d s/);
});

it('the bar shrinks before a figure goes', () => {
  expect(lineAt(60, state)).toMatch(/^\[█+░+\] 1 of 4 tasks, 2 KiB of input, 0\.\d\d s$/);
  expect(lineAt(40, state)).toMatch(/^\[█+░+\] 1 of 4 tasks, 0\.\d\d s$/);
  expect(lineAt(60, state).indexOf(']')).toBeLessThan(lineAt(80, state).indexOf(']'));
});
