import { expect, it } from 'vitest';
import { withStack } from '../../../../cli/render/with-stack.ts';

it.each([
  ['Type: fanlake retry visits-3f9c', 'Type: fanlake retry --stack lake visits-3f9c'],
  ["'fanlake status' lists them.", "'fanlake status --stack lake' lists them."],
  [
    'Look into the table (fanlake query); or: fanlake run <job>',
    'Look into the table (fanlake query --stack lake); or: fanlake run --stack lake <job>',
  ],
  ['Look at: fanlake run --help', 'Look at: fanlake run --help'],
  ['fanlake status --stack lake x', 'fanlake status --stack lake x'],
  ['fanlake runs', 'fanlake runs'],
])('%j acts on the stack as %j', (text, shown) => {
  expect(withStack(text, 'lake')).toBe(shown);
});
