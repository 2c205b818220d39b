/** A function that does what its messages say, and tells the queue REPORTS about each: one file, without any package, so that it is deployed as it lies. */
import { setTimeout as sleep } from 'node:timers/promises';

const endpoint = process.env.AWS_ENDPOINT_URL;

/** SQS's query protocol, which emulators take without a signature. */
async function sqs(queue, parameters) {
  const answer = await fetch(`${endpoint}/queue/us-east-1/000000000000/${queue}?${new URLSearchParams(parameters)}`);
  if (!answer.ok) throw new Error(`${parameters.Action} answered ${answer.status}: ${await answer.text()}`);
}

const report = (said) =>
  sqs(process.env.REPORTS, { Action: 'SendMessage', MessageBody: JSON.stringify({ pid: process.pid, atMs: Date.now(), ...said }) });

const orders = {
  report: async () => {},
  sleep: async () => await sleep(1000),
  throw: async () => {
    throw new RangeError('as the test wants it');
  },
  exit: async () => process.exit(3),
  hang: async () => await sleep(600_000),
  spin: async () => {
    for (;;);
  },
  memory: async () => {
    const kept = [];
    for (;;) {
      kept.push(Buffer.alloc(16 * 1024 * 1024, 1));
      await sleep(10);
    }
  },
};

function orderOf(body) {
  try {
    const { order, ...settings } = JSON.parse(body);
    return { order: order ?? 'report', ...settings };
  } catch {
    return { order: 'report' };
  }
}

async function obey(record, failures) {
  const { order, once = false, failures: fails = 0, visibilitySeconds } = orderOf(record.body);
  const receiveCount = Number(record.attributes.ApproximateReceiveCount);
  const { body, messageAttributes, eventSourceARN } = record;
  await report({ id: record.messageId, body, receiveCount, messageAttributes, eventSourceARN });
  if (visibilitySeconds !== undefined) {
    await sqs(process.env.QUEUE, {
      Action: 'ChangeMessageVisibility',
      ReceiptHandle: record.receiptHandle,
      VisibilityTimeout: visibilitySeconds,
    });
  }
  if (receiveCount <= fails) failures.push({ itemIdentifier: record.messageId });
  else if (!once || receiveCount === 1) await orders[order]();
}

export const handler = async (event, context) => {
  console.log(`called with ${event.Records?.length ?? 'no'} records`);
  if (event.Records === undefined) {
    if (event.order !== undefined) await orders[event.order]();
    const { getRemainingTimeInMillis, ...said } = context;
    return { pid: process.pid, remainingMs: getRemainingTimeInMillis(), context: said, environment: process.env };
  }
  const batchItemFailures = [];
  for (const record of event.Records) await obey(record, batchItemFailures);
  await report({ batch: event.Records.length });
  return { batchItemFailures };
};
