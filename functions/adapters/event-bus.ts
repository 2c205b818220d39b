import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { FanlakeError } from '../core/errors.ts';
import type { Announcement, Announcer } from '../core/ports.ts';
import { awsEndpoint, httpSettings } from './aws-http.ts';

const source = 'fanlake';

/** The EventBridge client of a process; see `makeS3Client`. */
export function makeEventBridgeClient(environment: NodeJS.ProcessEnv = process.env): EventBridgeClient {
  const endpoint = awsEndpoint(environment, 'EVENTBRIDGE');
  return new EventBridgeClient(httpSettings(endpoint));
}

/** An EventBridge bus that hears what happens. */
export class EventBus implements Announcer {
  readonly #client: EventBridgeClient;
  readonly #name: string;

  constructor(client: EventBridgeClient, name: string) {
    this.#client = client;
    this.#name = name;
  }

  async announce({ type, detail }: Announcement): Promise<void> {
    const entry = { Source: source, DetailType: type, Detail: JSON.stringify(detail), EventBusName: this.#name };
    try {
      // an answer of 200 may carry a failed entry
      const { Entries: [result] = [] } = await this.#client.send(new PutEventsCommand({ Entries: [entry] }));
      if (result?.ErrorCode !== undefined) throw new Error(`${result.ErrorCode}: ${result.ErrorMessage ?? ''}`);
    } catch (thrown) {
      const found = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
      throw new FanlakeError(
        'store.failed',
        `can't tell the event bus '${this.#name}' of '${type}': ${found}; it is tried again`,
        {},
        thrown,
      );
    }
  }
}
