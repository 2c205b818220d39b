/** Requests of one process at a time: four ranges of four files, and the small ones besides. More only queue for the same network. */
const maxSockets = 64;
/** A connection inside a region takes milliseconds: after this, another address is worth trying. */
const connectionTimeoutMs = 3_000;
/** An emulator has one address, and on a busy machine it may be long in answering. */
const emulatorConnectionTimeoutMs = 60_000;
/** Nothing for so long on an open connection is a dead one: a range of 16 MiB takes a second, and no queue is polled from here. */
const silenceTimeoutMs = 20_000;
/** Tries of a request: with the SDK's backoff (50 ms doubled, jittered) five outlast a burst of 503 while S3 splits a hot prefix. */
const maxAttempts = 5;

/**
 * How the clients of a process talk to AWS, or to the emulator at an endpoint.
 * @param endpoint URL of a service; undefined for AWS itself
 * @returns settings of an SDK client
 */
export const httpSettings = (endpoint: string | undefined) => ({
  maxAttempts,
  requestHandler: {
    connectionTimeout: endpoint === undefined ? connectionTimeoutMs : emulatorConnectionTimeoutMs,
    socketTimeout: silenceTimeoutMs,
    httpAgent: { keepAlive: true, maxSockets },
    httpsAgent: { keepAlive: true, maxSockets },
  },
  ...(endpoint === undefined ? {} : { endpoint }),
});

/** The endpoint that the environment gives for a service: an emulator's; undefined for AWS itself. */
export function awsEndpoint(environment: NodeJS.ProcessEnv, service: 'S3' | 'SQS' | 'EVENTBRIDGE' | 'CLOUDFORMATION'): string | undefined {
  return environment[`AWS_ENDPOINT_URL_${service}`] ?? environment['AWS_ENDPOINT_URL'];
}

/** The region where AWS_REGION names none: that of other AWS tools, which the SDK passes over. */
export function awsRegion(environment: NodeJS.ProcessEnv): { readonly region?: string } {
  const region = environment['AWS_DEFAULT_REGION'];
  return (environment['AWS_REGION'] ?? '') === '' && region !== undefined && region !== '' ? { region } : {};
}
