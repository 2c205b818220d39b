import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fanlake } from './fanlake-command.ts';

// As commands: under vitest an import is not Node's.
let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'fanlake-job-')));
  writeFileSync(join(folder, 'people.csv'), 'id\n1\n');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Found {
  readonly message: string;
  readonly details: object;
}

/** What `fanlake run ./<file>` says of a file with this text. */
async function mistake(file: string, text: string): Promise<Found> {
  writeFileSync(join(folder, file), text);
  const { code, stdout, stderr } = await fanlake(folder, 'run', `./${file}`, '--input', 'people.csv', '--json');
  expect(code, stderr).toBe(2);
  const { error } = JSON.parse(stdout) as { error: Found & { code: string } };
  expect(error.code).toBe('job.invalid');
  return error;
}

const missingComma = "export default {\n  name: 'a'\n  input: {},\n};\n";

it("a mistake in TypeScript is told with file, line, the parser's words and a mark under it", async () => {
  const { message, details } = await mistake('comma.ts', missingComma);
  expect(message).toContain(`failed at ${join(folder, 'comma.ts')}:3: Expected ',', got 'ident'\n`);
  expect(message).toMatch(/\n {2}input: \{\},\n {2}\^/);
  expect(details).toEqual({ file: join(folder, 'comma.ts'), at: join(folder, 'comma.ts'), line: 3 });
});

it('so is one in JavaScript, of which Node tells no place', async () => {
  const { message } = await mistake('comma.mjs', missingComma);
  expect(message).toContain(`failed at ${join(folder, 'comma.mjs')}:3: Unexpected identifier 'input'\n`);
});

it.each([
  ['part.ts', 'Expression expected'],
  ['part.mjs', "Unexpected token ';'"],
])('one in %s, which the file imports, names that file', async (part, found) => {
  writeFileSync(join(folder, part), 'export const y = 1;\nexport const x = ;\n');
  const { message } = await mistake('whole.ts', `import './${part}';\n`);
  expect(message).toContain(`Loading the jobs of ${join(folder, 'whole.ts')} failed at ${join(folder, part)}:2: ${found}\n`);
});

it.each([
  ['throws', "\n\nthrow new Error('no luck');\n", 'a.ts:3: no luck'],
  ['declares a job that is no good', "import { defineJob } from 'fanlake';\n\nexport default defineJob({ name: 'A' });\n", 'a.ts:3: '],
  ['imports what is not there', "import 'node:fs';\nimport { nope } from 'fanlake';\n", "a.ts:2: The requested module 'fanlake' does not"],
])('a file that %s is told with its line', async (_what, text, told) => {
  expect((await mistake('a.ts', text)).message).toContain(told);
});
