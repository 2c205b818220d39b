import { FanlakeError } from '../core/errors.ts';
import { readMessage } from '../core/message.ts';
import type { CommitMessage } from '../core/task.ts';
import type { Log } from '../runtime/log.ts';
import type { ReducerContext } from './commit-candidate.ts';
import { commitRuns, type FailedMessage } from './commit-runs.ts';

/**
 * Commits the finished runs that a batch of the `commits` queue names.
 * @param bodies the messages' texts
 * @returns the messages that must come again
 */
export async function handleCommits(reducer: ReducerContext, log: Log, bodies: readonly string[]): Promise<readonly FailedMessage[]> {
  const failed: FailedMessage[] = [];
  const messages: { readonly index: number; readonly message: CommitMessage }[] = [];
  for (const [index, body] of bodies.entries()) {
    try {
      messages.push({ index, message: readCommit(body) });
    } catch (error) {
      log.count('MalformedMessages');
      failed.push({ index, error });
    }
  }
  const ofRuns = await commitRuns(
    reducer,
    messages.map(({ message }) => message),
  );
  for (const { index, error } of ofRuns) failed.push({ index: messages[index]?.index ?? index, error });
  return failed;
}

function readCommit(body: string): CommitMessage {
  const message = readMessage(body);
  if (message.kind === 'commit') return message;
  throw new FanlakeError('usage', `A message '${message.kind}' came to the commits queue.`);
}
