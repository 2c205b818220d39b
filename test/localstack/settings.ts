/**
 * What every LocalStack of ours is told, in whatever it runs. See https://docs.localstack.cloud/references/configuration/; what isn't there is in
 * localstack/config.py of the release.
 * @param mostFunctions at work on a queue at once, whatever its mapping allows
 */
export const commonSettings = (mostFunctions = 1_000): Readonly<Record<string, string>> => ({
  DEBUG: '0',
  DISABLE_EVENTS: '1',
  PERSISTENCE: '0',
  SQS_ENDPOINT_STRATEGY: 'path',
  // its services call each other without HTTP: half the CPU for a message to a function
  IN_MEMORY_CLIENT: '1',
  SQS_DISABLE_CLOUDWATCH_METRICS: '1',
  // a resource that it can't make fails the deployment, instead of being left out
  CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES: '0',
  // dozens of functions that start at once on two cores take a while
  LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT: '60',
  // our poller waits at the queue, so there is no pause between polls; 0 would mean the default
  LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC: '0.001',
  LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC: '2',
  FANLAKE_MOST_FUNCTIONS: String(mostFunctions),
});
