import { shellWord } from './shell-word.ts';

/** Commands of which a text may say that one should type them. `watch` isn't for stacks. */
const named = /\bfanlake (run|status|explain|retry|cancel|query|quarantine)\b(?! --(?:help|stack))/g;

/** A text in which every command that it names acts on the stack: whoever writes it, also a function, doesn't know where it is read. */
export function withStack(text: string, stack: string): string {
  return text.replace(named, `fanlake $1 --stack ${shellWord(stack)}`);
}
