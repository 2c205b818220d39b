/** What AWS's Node runtime does in a Lambda function, for functions that run as processes of this machine: loads the handler, and calls it for each event. */
import { existsSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { AWS_LAMBDA_RUNTIME_API, LAMBDA_TASK_ROOT, _HANDLER, ...environment } = process.env;
const api = `http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;
const agent = new http.Agent({ keepAlive: true });

// LocalStack holds the other end: when it is gone, however that went, so is this process with all that it started.
process.stdin.on('end', () => process.kill(-process.pid, 'SIGKILL')).resume();

/** `fetch` gives up an answer that takes five minutes, and `next` may take hours. */
function ask(method, path, body = '') {
  return new Promise((resolve, reject) => {
    const request = http.request(`${api}${path}`, { method, agent }, (response) => {
      const received = [];
      response.on('data', (data) => received.push(data));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(received).toString() }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

function describeError(error) {
  const { name = 'Error', message = String(error), stack = '' } = error ?? {};
  return JSON.stringify({ errorType: name, errorMessage: message, trace: stack.split('\n') });
}

async function loadHandler() {
  const lastSlash = _HANDLER.lastIndexOf('/') + 1;
  const [file, ...names] = _HANDLER.slice(lastSlash).split('.');
  const stem = join(LAMBDA_TASK_ROOT, _HANDLER.slice(0, lastSlash), file);
  const path = ['.js', '.mjs', '.cjs'].map((ending) => stem + ending).find((candidate) => existsSync(candidate));
  if (path === undefined) throw Object.assign(new Error(`Error: Cannot find module '${file}'`), { name: 'Runtime.ImportModuleError' });
  const module = await import(pathToFileURL(path).href);
  const find = (holder) => names.reduce((value, name) => value?.[name], holder);
  const handler = find(module) ?? find(module.default);
  if (typeof handler !== 'function') {
    throw Object.assign(new Error(`${_HANDLER} is undefined or not exported`), { name: 'Runtime.HandlerNotFound' });
  }
  return handler;
}

function makeContext(headers) {
  const deadlineMs = Number(headers['lambda-runtime-deadline-ms']);
  return {
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
}

async function invokeNext(handler) {
  const { status, headers, body } = await ask('GET', '/invocation/next');
  if (status !== 200) process.exit(0);
  const context = makeContext(headers);
  process.env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
  let answer;
  try {
    answer = ['response', JSON.stringify(await handler(JSON.parse(body), context)) ?? 'null'];
  } catch (error) {
    console.error('Invoke Error', error);
    answer = ['error', describeError(error)];
  }
  await ask('POST', `/invocation/${context.awsRequestId}/${answer[0]}`, answer[1]);
}

const handler = await loadHandler().catch(async (error) => {
  console.error('Uncaught Exception', error);
  await ask('POST', '/init/error', describeError(error));
  process.exit(1);
});
for (;;) await invokeNext(handler);
