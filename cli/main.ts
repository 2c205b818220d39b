import { asFanlakeError, FanlakeError } from '../functions/core/errors.ts';
import { exitCodeOfError, exitCodes } from './exit-code.ts';
import { Interrupted, listenForInterruption } from './interruption.ts';
import { createProgram, perform } from './program.ts';
import { renderError } from './render/error.ts';
import { ProgressView } from './render/progress.ts';
import { styleFor } from './render/style.ts';
import type { Answer, Shell } from './shell.ts';

/** The command `fanlake`: its arguments, streams and end, and nothing else. */
const { stdout, stderr, env } = process;

// `fanlake ... | head`: whoever stops to read has read enough
for (const stream of [stdout, stderr]) stream.on('error', (error: NodeJS.ErrnoException) => endUnlessClosed(error));

const json = process.argv.includes('--json');
const args = process.argv.slice(2);
const shell: Shell = {
  style: styleFor(stdout, env),
  currentFolder: process.cwd(),
  progress: () => new ProgressView(stderr, styleFor(stderr, env)),
  note: (text) => void stderr.write(`${text}\n`),
  line: (text) => void stdout.write(`${text}\n`),
  end: (exitCode) => {
    process.exitCode = exitCode;
  },
  answer: ({ exitCode, json: document, text }: Answer, asJson) => {
    const shown = asJson ? JSON.stringify(document, null, 2) : text;
    if (shown !== '') stdout.write(`${shown}\n`);
    process.exitCode = exitCode;
  },
  interruption: listenForInterruption,
};

try {
  await perform(createProgram(shell), args);
} catch (thrown) {
  const isInterrupted = thrown instanceof Interrupted;
  const error = isInterrupted ? new FanlakeError('run.interrupted', 'Interrupted.') : asFanlakeError(thrown);
  if (json) stdout.write(`${JSON.stringify({ error: error.toReport() })}\n`);
  else stderr.write(`${renderError(error.toReport(), styleFor(stderr, env))}\n`);
  if (env['FANLAKE_DEBUG'] === '1') console.error(thrown);
  process.exitCode = isInterrupted ? exitCodes.interrupted : exitCodeOfError(error.code);
}
await flushed();
// an engine or a worker that is slow to go doesn't keep the command
process.exit();

function endUnlessClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** Resolves when all that was written has left this process, or nobody takes it any more. */
async function flushed(): Promise<void> {
  for (const stream of [stdout, stderr]) if (stream.writable) await new Promise<void>((resolve) => stream.write('', () => resolve()));
}
