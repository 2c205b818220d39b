/** Kinds of requests as receipts name them, by the SDK's commands. What isn't here is counted under `other`. */
const kinds: Readonly<Record<string, string>> = {
  GetObjectCommand: 'store.get',
  HeadObjectCommand: 'store.head',
  PutObjectCommand: 'store.put',
  CreateMultipartUploadCommand: 'store.put',
  UploadPartCommand: 'store.put',
  CompleteMultipartUploadCommand: 'store.put',
  AbortMultipartUploadCommand: 'store.delete',
  ListObjectsV2Command: 'store.list',
  ListObjectVersionsCommand: 'store.list',
  CopyObjectCommand: 'store.copy',
  DeleteObjectCommand: 'store.delete',
  SendMessageBatchCommand: 'queue.send',
  ChangeMessageVisibilityBatchCommand: 'queue.visibility',
  PutEventsCommand: 'events.put',
};

interface Context {
  readonly commandName?: string;
}

/** As much of an SDK client as counting takes. */
interface Client {
  readonly middlewareStack: {
    add(
      middleware: (next: (args: never) => Promise<unknown>, context: Context) => (args: never) => Promise<unknown>,
      options: { readonly step: 'finalizeRequest'; readonly name: string },
    ): void;
  };
}

/**
 * Calls `onRequest` with the kind of each request that a client sends, a repeated one each time: that is how AWS bills them.
 * @returns the client
 */
export function countRequests<Counted>(client: Counted, onRequest: (kind: string) => void): Counted {
  (client as Client).middlewareStack.add(
    (next, { commandName = '' }) =>
      (args) => {
        onRequest(kinds[commandName] ?? 'other');
        return next(args);
      },
    { step: 'finalizeRequest', name: 'countRequests' },
  );
  return client;
}
