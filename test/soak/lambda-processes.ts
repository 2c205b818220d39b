import { readdirSync, readFileSync } from 'node:fs';

/** What a function of a stack does: the word in its name. */
const functionKinds = ['worker', 'coordinator', 'reducer', 'monitor'] as const;
export type FunctionKind = (typeof functionKinds)[number];

export interface LambdaProcess {
  readonly kind: FunctionKind;
  readonly pid: number;
}

/** The processes of this machine that are environments of a stack's functions. */
export function lambdaProcesses(stack: string): readonly LambdaProcess[] {
  const named = new RegExp(`\\0AWS_LAMBDA_FUNCTION_NAME=${stack}-Fanlake(Worker|Coordinator|Reducer|Monitor)`);
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const word = named.exec(environmentOf(name))?.[1]?.toLowerCase();
    const kind = functionKinds.find((known) => known === word);
    return kind === undefined ? [] : [{ kind, pid: Number(name) }];
  });
}

function environmentOf(processId: string): string {
  try {
    return readFileSync(`/proc/${processId}/environ`, 'latin1');
  } catch {
    return '';
  }
}
