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
