/** This process is to be killed: it starts a function, says which process and directory that has, and leaves it idle or busy. */
import { strToU8, zipSync } from 'fflate';
import { scaledClock } from '../../../local/clock.ts';
import { createLambda } from '../../../local/lambda/runtime.ts';

const state = process.argv[2];
const source = `export const handler = async ({ state }) => {
  console.log(JSON.stringify({ pid: process.pid, root: process.env.LAMBDA_TASK_ROOT }));
  if (state === 'busy') for (;;);
};`;
const lambda = createLambda({
  clock: scaledClock(1),
  rate: 1,
  region: 'eu-central-1',
  endpoints: { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' },
  keyOf: () => ({ accessKeyId: 'role', secretAccessKey: 'secret', sessionToken: 'token' }),
  onLog: (_name, line) => console.log(line),
  onFailure: () => {},
});
lambda.createFunction({
  name: 'f',
  arn: 'arn:aws:lambda:eu-central-1:111122223333:function:f',
  code: zipSync({ 'f.mjs': strToU8(source) }),
  handler: 'f.handler',
  runtime: 'nodejs24.x',
  roleArn: 'arn:aws:iam::111122223333:role/f-role',
  memorySize: 128,
  timeout: 900,
  variables: {},
});
await lambda.invoke('f', { state });
setInterval(() => {}, 1000);
