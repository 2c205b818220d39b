import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

/** A change of visibility, as a function asked for it. */
export interface VisibilityChange {
  readonly queue: string;
  /** Of each receipt, in seconds. */
  readonly seconds: Readonly<Record<string, number>>;
}

interface Request {
  readonly QueueUrl: string;
  readonly Entries: readonly { readonly Id: string; readonly ReceiptHandle: string; readonly VisibilityTimeout: number }[];
}

/** Answers a change before it counts: receipts that are refused, or an HTTP status of 400 for all. */
export type Answer = (change: VisibilityChange) => Promise<readonly string[] | 'refused'>;

/** What of SQS a function uses that receives messages: ChangeMessageVisibilityBatch, in SQS's JSON protocol. It notes what it was asked for. */
export class SqsServer {
  readonly changes: VisibilityChange[] = [];
  answer: Answer = async () => [];
  private readonly server = createServer((request, response) => {
    void text(request).then(async (body) => {
      const { status, answer } = await this.handle(String(request.headers['x-amz-target']), JSON.parse(body) as Request);
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(answer));
    });
  });

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('a server without a port');
    return `http://127.0.0.1:${address.port}`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async handle(target: string, { QueueUrl: url, Entries: entries }: Request) {
    if (target !== 'AmazonSQS.ChangeMessageVisibilityBatch') return refusal(`${target} isn't served here`);
    if (entries.length > 10) return refusal(`${entries.length} entries in a batch`);
    const seconds = Object.fromEntries(entries.map(({ ReceiptHandle: receipt, VisibilityTimeout: timeout }) => [receipt, timeout]));
    const change = { queue: url.slice(url.lastIndexOf('/') + 1), seconds };
    this.changes.push(change);
    const refused = await this.answer(change);
    if (refused === 'refused') return refusal('not now');
    const isRefused = ({ ReceiptHandle: receipt }: Request['Entries'][number]) => refused.includes(receipt);
    return {
      status: 200,
      answer: {
        Successful: entries.filter((entry) => !isRefused(entry)).map(({ Id }) => ({ Id })),
        Failed: entries.filter(isRefused).map(({ Id }) => ({ Id, Code: 'MessageNotInflight', SenderFault: true })),
      },
    };
  }
}

function refusal(message: string) {
  return { status: 400, answer: { __type: 'com.amazonaws.sqs#InvalidParameterValue', message } };
}
