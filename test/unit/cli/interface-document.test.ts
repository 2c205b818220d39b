import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { WatchEvent } from '../../../cli/local/watch-events.ts';
import { createProgram } from '../../../cli/program.ts';
import { blankReceipt } from '../../../functions/core/receipt.ts';
import { silentShell } from './silent-shell.ts';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const document = read('docs/interface.md');
/** Everything that the document sets as code. */
const named = new Set(document.match(/`[^`\n]+`/g)?.map((text) => text.slice(1, -1)));

it('docs/interface.md names every error code, and no other', () => {
  const codes = [...read('functions/core/errors.ts').matchAll(/^ {2}'([a-z.-]+)': (?:true|false),$/gm)].map(([, code]) => code ?? '');
  expect(codes.length).toBeGreaterThan(40);
  for (const code of codes) expect(named, code).toContain(code);
  const groups = new Set(codes.filter((code) => code.includes('.')).map((code) => code.split('.')[0]));
  const listed = document.slice(document.indexOf('| code | meaning |'), document.indexOf('The groups `job`'));
  const written = listed.match(/`([a-z]+\.[a-z-]+)`/g)?.map((text) => text.slice(1, -1)) ?? [];
  const unknown = written.filter((code) => groups.has(code.split('.')[0]) && !codes.includes(code));
  expect(unknown).toEqual([]);
});

it('it names every command and option', () => {
  for (const command of createProgram(silentShell).commands) {
    const row = document.split('\n').find((line) => line.startsWith(`| \`${command.name()}`)) ?? '';
    expect(row, command.name()).not.toBe('');
    const told = command.name() === 'explain' ? `${row} ${document.split('\n').find((line) => line.startsWith('| `run'))}` : row;
    for (const { long } of command.options) {
      if (['--json', '--home', '--stack'].includes(long ?? '')) expect(document).toContain(`\`${long}`);
      else expect(told, command.name()).toContain(long);
    }
  }
});

/** `a.b` for every field, those of objects inside too. */
function fields(value: object, before = ''): readonly string[] {
  return Object.entries(value).flatMap(([name, inner]) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) && Object.keys(inner).length > 0
      ? fields(inner, `${before}${name}.`)
      : [`${before}${name}`],
  );
}

it('it names every field of a receipt', () => {
  for (const field of fields(blankReceipt({ run: 'a-1', epoch: 0 }, '/t'))) expect(named, field).toContain(field);
});

it('it names every event of watch', () => {
  const events: Readonly<Record<WatchEvent['event'], true>> = {
    watching: true,
    resumed: true,
    landed: true,
    ended: true,
    held: true,
    ignored: true,
    notice: true,
    summary: true,
  };
  for (const event of Object.keys(events)) expect(named, event).toContain(event);
});
