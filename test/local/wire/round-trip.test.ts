import * as autoScaling from '@aws-sdk/client-auto-scaling';
import * as ec2 from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import * as ssm from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { byValue } from '../../../local/wire/by-value.ts';
import { inProcess } from '../../../local/wire/in-process.ts';
import { operationSchema, type SdkModule } from '../../../local/wire/schema.ts';
import { type Server, serve } from '../../../local/wire/server.ts';
import { createWire, type OperationService } from '../../../local/wire/wire.ts';
import { testCloud } from '../../support/cloud.ts';
import { anyOf, type Limits } from './arbitrary.ts';

/** The wire was asked this last, and is to answer that. */
let asked: unknown;
let answer: unknown;

const services = Object.fromEntries(
  Object.entries(testCloud().cloud.services).map(([name, service]) => [name, echoing(service)]),
);
const wire = createWire(services, { principal: (accessKeyId) => accessKeyId });
let server: Server;
beforeAll(async () => {
  server = await serve(wire);
});
afterAll(() => server.close());

// Neither XML nor forms may harm such text. XML 1.0 has no other control characters, and the SDK takes a blank text with a
// line break in it for indentation.
const xmlText = fc
  .string({ unit: fc.constantFrom(...'abc ü€😀<>&"\'%+=;[]()\t\n\r'), maxLength: 12 })
  .filter((text) => text === '' || text.trim() !== '');
const query: [Limits, Limits] = [
  { emptyContainers: false, text: xmlText },
  { emptyContainers: true, text: xmlText },
];
const anyText = fc.string({ unit: 'binary', maxLength: 12 });
const json: [Limits, Limits] = [
  { emptyContainers: true, text: anyText },
  { emptyContainers: true, text: anyText },
];

const credentials = { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret' };
const inside = { region: 'eu-central-1', credentials, requestHandler: inProcess(wire) };
const outside = () => ({ region: 'eu-central-1', credentials, endpoint: server.url });

const sdks: [string, SdkModule, [Limits, Limits], new (config: object) => Parameters<typeof byValue>[0]][] = [
  ['ec2', ec2, query, ec2.EC2Client],
  ['elasticloadbalancing', elb, query, elb.ElasticLoadBalancingV2Client],
  ['autoscaling', autoScaling, query, autoScaling.AutoScalingClient],
  ['ssm', ssm, json, ssm.SSMClient],
];

describe.each(sdks)('%s', (name, sdk, [inputLimits, outputLimits], Client) => {
  const operations = Object.keys(services[name]?.operations ?? {});

  test.each(operations)('%s: whatever its schema can say comes across both ways', async (operation) => {
    const client = new Client(inside);
    const quick = byValue(new Client(inside), wire);
    await fc.assert(
      fc.asyncProperty(
        inputOf(sdk, operation, inputLimits),
        outputOf(sdk, operation, outputLimits),
        async (input, output) => {
          await crosses(client, sdk, operation, input, output);
          await crosses(quick, sdk, operation, input, output);
        },
      ),
      { numRuns: 25 },
    );
  });

  test.each(operations)('%s: over HTTP too', async (operation) => {
    const client = new Client(outside());
    const [input] = fc.sample(inputOf(sdk, operation, inputLimits), { numRuns: 1, seed: 7 });
    const [output] = fc.sample(outputOf(sdk, operation, outputLimits), { numRuns: 1, seed: 7 });
    await crosses(client, sdk, operation, input, output);
  });
});

async function crosses(client: object, sdk: SdkModule, operation: string, input: unknown, output: unknown) {
  answer = output;
  const Command = sdk[`${operation}Command`] as new (input: unknown) => object;
  const { $metadata, ...received } = await Reflect.get(client, 'send').call(client, new Command(input));
  expect(asked).toEqual(input);
  expect(received).toEqual(output);
  expect($metadata.requestId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
}

function inputOf(sdk: SdkModule, operation: string, limits: Limits) {
  return anyOf(schemaOf(sdk, operation).input, limits);
}

function outputOf(sdk: SdkModule, operation: string, limits: Limits) {
  return anyOf(schemaOf(sdk, operation).output, limits);
}

function schemaOf(sdk: SdkModule, operation: string) {
  const schema = operationSchema(sdk, operation);
  if (!schema) throw new Error(`the SDK has no ${operation}`);
  return schema;
}

/** The service is the same, but its operations note what they are asked, and answer as the test says. */
function echoing(service: OperationService): OperationService {
  const echo = (input: unknown) => {
    asked = input;
    return answer;
  };
  const operations = Object.keys(service.operations).map((name) => [name, echo]);
  return { ...service, operations: Object.fromEntries(operations) };
}
