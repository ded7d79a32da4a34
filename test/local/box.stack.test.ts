import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  CloudFormation,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
} from '@aws-sdk/client-cloudformation';
import { EC2 } from '@aws-sdk/client-ec2';
import { Lambda } from '@aws-sdk/client-lambda';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { buildSync } from 'esbuild';
import { strToU8, zipSync } from 'fflate';
import { type Box, type BoxOptions, startBox } from '../../local/box.ts';
import { noFabric } from '../../local/fabric/none.ts';
import type { NetworkParameters } from '../../local/stack/package.ts';
import { parseTemplate } from '../../local/stack/template.ts';
import { follow } from '../support/follow.ts';

const RATE = 60;
/** The function's folder has this name: another run on this machine has one too. */
const MARKER = `box-test-marker-${process.pid}`;
const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'box-test-'));
const diverter = join(folder, 'diverter');
const key = `serverless/box/test/diverter/${createHash('sha256').update('the diverter').digest('hex')}`;
let bundle: Uint8Array;

/** A small function of a packaged stack says what it was woken by, marks the subnet, and signs a link to the diverter. */
const source = `
  import { EC2Client, CreateTagsCommand } from '@aws-sdk/client-ec2';
  import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
  import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
  const ec2 = new EC2Client(), s3 = new S3Client();
  export const handler = async ({ 'detail-type': type, resources, detail }, { awsRequestId }) => {
    console.log('woken by ' + type);
    if (type !== 'Tag Change on Resource') return;
    if (detail.tags.mark === 'fail') throw new Error('cannot');
    const object = { Bucket: process.env.BUCKET, Key: process.env.KEY };
    console.log('link ' + await getSignedUrl(s3, new GetObjectCommand(object), { expiresIn: 300 }));
    const id = resources[0].split('/').at(-1);
    await ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'seen', Value: new Date().toISOString() }] }));
  };`;

const allowed = (...Action: string[]) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action, Resource: '*' }],
});
const target = { Arn: { 'Fn::GetAtt': ['Marker', 'Arn'] }, Id: 'marker' };
const bucket = { DeploymentBucket: { Type: 'AWS::S3::Bucket' } };
const outputs = { ServerlessDeploymentBucketName: { Value: { Ref: 'DeploymentBucket' } } };

const resources = {
  ...bucket,
  Failed: { Type: 'AWS::SQS::Queue' },
  Role: {
    Type: 'AWS::IAM::Role',
    Properties: {
      RoleName: 'marker',
      AssumeRolePolicyDocument: {},
      Policies: [
        {
          PolicyName: 'marker',
          PolicyDocument: {
            Version: '2012-10-17',
            Statement: [
              { Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: '*' },
              { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: { 'Fn::GetAtt': ['Failed', 'Arn'] } },
              {
                Effect: 'Allow',
                Action: 'ec2:CreateTags',
                Resource: '*',
                Condition: { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['seen'] } },
              },
              {
                Effect: 'Allow',
                Action: 's3:GetObject',
                Resource: {
                  'Fn::Join': ['/', [{ 'Fn::GetAtt': ['DeploymentBucket', 'Arn'] }, 'serverless/box/test/diverter/*']],
                },
              },
            ],
          },
        },
      ],
    },
  },
  MarkerLogs: {
    Type: 'AWS::Logs::LogGroup',
    Properties: { LogGroupName: `/aws/lambda/${MARKER}` },
  },
  Marker: {
    Type: 'AWS::Lambda::Function',
    Properties: {
      FunctionName: MARKER,
      Code: { S3Bucket: { Ref: 'DeploymentBucket' }, S3Key: 'serverless/box/test/now/marker.zip' },
      Handler: 'marker.handler',
      Runtime: 'nodejs24.x',
      // The longest there is: on a busy machine it is short enough.
      Timeout: 900,
      Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
      Environment: { Variables: { BUCKET: { Ref: 'DeploymentBucket' }, KEY: key } },
    },
  },
  InvokeConfig: {
    Type: 'AWS::Lambda::EventInvokeConfig',
    Properties: {
      FunctionName: { Ref: 'Marker' },
      Qualifier: '$LATEST',
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['Failed', 'Arn'] } } },
    },
  },
  Tick: { Type: 'AWS::Events::Rule', Properties: { ScheduleExpression: 'rate(1 minute)', Targets: [target] } },
  Marked: {
    Type: 'AWS::Events::Rule',
    Properties: {
      EventPattern: { source: ['aws.tag'], detail: { 'resource-type': ['subnet'], 'changed-tag-keys': ['mark'] } },
      Targets: [target],
    },
  },
  Called: {
    Type: 'AWS::Events::Rule',
    Properties: {
      EventPattern: {
        'detail-type': ['AWS API Call via CloudTrail'],
        detail: { eventName: ['CreateTags'], userIdentity: { arn: [{ suffix: `:assumed-role/marker/${MARKER}` }] } },
      },
      Targets: [target],
    },
  },
  Forbidden: { Type: 'AWS::Events::Rule', Properties: { EventPattern: { source: ['aws.tag'] }, Targets: [target] } },
  ...Object.fromEntries(
    ['Tick', 'Marked', 'Called'].map((rule) => [
      `${rule}Permission`,
      {
        Type: 'AWS::Lambda::Permission',
        Properties: {
          FunctionName: target.Arn,
          Action: 'lambda:InvokeFunction',
          Principal: 'events.amazonaws.com',
          SourceArn: { 'Fn::GetAtt': [rule, 'Arn'] },
        },
      },
    ]),
  ),
};

/** Writes what `serverless package` would for this network. */
function packageFor({ vpcId, subnetIds }: NetworkParameters, change: object = {}): string {
  const write = (name: string, content: object) => writeFileSync(join(folder, name), JSON.stringify(content));
  write('serverless-state.json', { package: { artifactDirectoryName: 'serverless/box/test/now' } });
  write('cloudformation-template-create-stack.json', { Resources: bucket, Outputs: outputs });
  write('cloudformation-template-update-stack.json', {
    Description: `for ${vpcId} and ${subnetIds}`,
    Resources: { ...resources, ...change },
    Outputs: { ...outputs, Marker: { Value: { Ref: 'Marker' } } },
  });
  writeFileSync(join(folder, 'marker.zip'), bundle);
  return folder;
}

const log: string[] = [];
const start = (options: Partial<BoxOptions> = {}) =>
  startBox({
    rate: RATE,
    fabric: async () => noFabric('this is a test'),
    packaged: packageFor,
    diverter,
    onLog: (name, line) => log.push(`${name}: ${line}`),
    ...options,
  });

function ec2Of({ endpoint, region, credentials }: Box): EC2 {
  return new EC2({ endpoint, region, credentials });
}

async function until<T>(what: string, find: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(20)) {
    const found = await find();
    if (found !== undefined) return found;
  }
  throw new Error(`there is no ${what}, but:\n${log.join('\n')}`);
}
const logged = (text: string) => until(`line with '${text}'`, () => log.find((line) => line.includes(text)));

const isOpen = (url: string) =>
  new Promise<boolean>((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname, () => resolve(true)).on('error', () => resolve(false));
    socket.unref().setTimeout(1000);
  });
const codeFolders = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`${MARKER}-`));

beforeAll(() => {
  const options = { bundle: true, write: false, format: 'esm', platform: 'node' } as const;
  const { outputFiles } = buildSync({
    ...options,
    stdin: { contents: source, resolveDir: root },
    mainFields: ['module', 'main'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  bundle = zipSync({ 'marker.mjs': outputFiles[0]?.contents ?? strToU8('') }, { level: 1 });
  writeFileSync(diverter, 'the diverter');
});
afterEach(() => void log.splice(0));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a box', () => {
  let box: Box;
  let ec2: EC2;
  let subnet: string;
  beforeAll(async () => {
    box = await start();
    ec2 = ec2Of(box);
    const { Subnets = [] } = await ec2.describeSubnets({ Filters: [{ Name: 'tag:Name', Values: ['app-a'] }] });
    subnet = Subnets[0]?.SubnetId ?? '';
  });
  afterAll(async () => {
    ec2.destroy();
    await box.close();
  });
  const mark = (Value: string) => ec2.createTags({ Resources: [subnet], Tags: [{ Key: 'mark', Value }] });

  test('has the network, the stack and its role', () => {
    expect(box.network).toMatchObject({ region: 'eu-central-1', vpcId: expect.stringMatching(/^vpc-/) });
    expect(box.network.subnetIds.split(',')).toHaveLength(2);
    expect(box.stack.name).toBe('box-test');
    expect(box.stack.outputs.Marker).toBe(MARKER);
    expect([...box.roles.keys()]).toEqual(['marker']);
  });

  test('a tag wakes the function by its event, and the function changes the cloud', async () => {
    const before = box.clock.now();
    await mark('yes');
    const seen = await until('tag `seen`', async () => {
      const { Subnets = [] } = await ec2.describeSubnets({ SubnetIds: [subnet] });
      return Subnets[0]?.Tags?.find(({ Key }) => Key === 'seen')?.Value;
    });
    // The two clocks are set beside each other, a millisecond of the wall's apart at most.
    expect(Date.parse(seen)).toBeGreaterThan(before - RATE);
    expect(Date.parse(seen)).toBeLessThan(box.clock.now() + RATE);
  });

  test('its own call wakes it, by a rule for CloudTrail’s event of a call that bears its name', async () => {
    await mark('yes, too');
    await logged('woken by AWS API Call via CloudTrail');
  });

  test('the minute wakes it too', async () => {
    await logged('woken by Scheduled Event');
  });

  test('a link that the function signed leads to the diverter, for as long as it said', async () => {
    await mark('again');
    const link = (await logged('link ')).split(' ').at(-1) ?? '';
    expect(link.startsWith('http://169.254.0.80/box-test-deploymentbucket-')).toBe(true);
    expect(await follow(link, box.endpoint)).toEqual({ status: 200, body: 'the diverter' });
    const { status } = await follow(link.replace('169.254.0.80', new URL(box.endpoint).host), box.endpoint);
    expect(status).toBe(403);
    await until('end of the link', async () => ((await follow(link, box.endpoint)).status === 403 ? true : undefined));
  });

  test('Lambda gives a link to the code of a function', async () => {
    const { endpoint, region, credentials } = box;
    const lambda = new Lambda({ endpoint, region, credentials });
    const { Configuration, Code } = await lambda.getFunction({ FunctionName: MARKER });
    lambda.destroy();
    const answer = await fetch(Code?.Location ?? '');
    const sha256 = createHash('sha256')
      .update(new Uint8Array(await answer.arrayBuffer()))
      .digest('base64');
    expect([answer.status, sha256]).toEqual([200, Configuration?.CodeSha256]);
  });

  test('an event that a function cannot handle goes to its queue', async () => {
    await mark('fail');
    const message = await until('message', () => Object.values(box.queues()).flat()[0]);
    expect(JSON.parse(message.body)).toMatchObject({
      requestContext: { condition: 'RetriesExhausted' },
      requestPayload: { 'detail-type': 'Tag Change on Resource', detail: { tags: { mark: 'fail' } } },
      responsePayload: { errorMessage: 'cannot' },
    });
  });

  test('a rule that no permission of the function names does not wake it, and it shows', async () => {
    await ec2.createTags({ Resources: [subnet], Tags: [{ Key: 'other', Value: 'x' }] });
    expect(await logged('NO_PERMISSIONS')).toMatch(
      /^events: gave up Tag Change on Resource of rule box-test-Forbidden-/,
    );
  });

  test('CloudFormation tells of a stack that it made what the box has done with it since', async () => {
    const { endpoint, region, credentials } = box;
    const cloudFormation = new CloudFormation({ endpoint, region, credentials });
    const StackName = 'queues';
    const TemplateBody = JSON.stringify({ Resources: { One: { Type: 'AWS::SQS::Queue' } } });
    const other = JSON.stringify({ Resources: { Two: { Type: 'AWS::SQS::Queue' } } });
    const status = async () => (await cloudFormation.describeStacks({ StackName })).Stacks?.[0]?.StackStatus;
    const waiting = { client: cloudFormation, maxWaitTime: 100, minDelay: 0.01, maxDelay: 0.01 };
    const set = { StackName, ChangeSetName: 'changes' };
    const make = async () => {
      await cloudFormation.createChangeSet({ ...set, ChangeSetType: 'CREATE', TemplateBody });
      await cloudFormation.executeChangeSet(set);
      await waitUntilStackCreateComplete(waiting, { StackName });
    };

    await make();
    expect(await status()).toBe('CREATE_COMPLETE');
    const deployed = await box.deployTemplate(StackName, parseTemplate(other), {}, new Map());
    expect(await status()).toBe('UPDATE_COMPLETE');
    await box.remove(deployed);
    await expect(status()).rejects.toThrow('does not exist');
    await make();
    expect((await cloudFormation.describeStackEvents({ StackName })).StackEvents).toHaveLength(4);
    await cloudFormation.deleteStack({ StackName });
    await waitUntilStackDeleteComplete(waiting, { StackName });
    cloudFormation.destroy();
  });

  test('CloudFormation makes a stack by its role, or by who asks, and with tags of its own', async () => {
    const { endpoint, region, credentials, network, account } = box;
    const [operator, deployer] = [
      new CloudFormation({ endpoint, region, credentials }),
      new CloudFormation({ endpoint, region, credentials: box.assume('deployer', allowed('cloudformation:*')) }),
    ];
    const waiting = { client: operator, maxWaitTime: 100, minDelay: 0.01, maxDelay: 0.01 };
    const trust = (Service: string) => ({
      Statement: [{ Effect: 'Allow', Principal: { Service }, Action: 'sts:AssumeRole' }],
    });
    const roleOf = (RoleName: string, service: string) => ({
      Type: 'AWS::IAM::Role',
      Properties: {
        ...{ RoleName, AssumeRolePolicyDocument: trust(service) },
        Policies: [{ PolicyName: 'queues', PolicyDocument: allowed('sqs:*', 'ec2:*') }],
      },
    });
    const roles = {
      Makes: roleOf('makes', 'cloudformation.amazonaws.com'),
      Other: roleOf('other', 'ec2.amazonaws.com'),
    };
    await operator.createStack({
      ...{ StackName: 'roles', TemplateBody: JSON.stringify({ Resources: roles }) },
      Capabilities: ['CAPABILITY_NAMED_IAM'],
    });
    await waitUntilStackCreateComplete(waiting, { StackName: 'roles' });

    const arn = (name: string) => `arn:aws:iam::${account}:role/${name}`;
    const template = (Type: string, Properties = {}) => JSON.stringify({ Resources: { One: { Type, Properties } } });
    const [queue, topic] = [template('AWS::SQS::Queue'), template('AWS::SNS::Topic')];
    const end = async (client: CloudFormation, StackName: string, TemplateBody: string, more = {}) => {
      const { StackId } = await client.createStack({ StackName, TemplateBody, ...more });
      const ended = await until(`end of ${StackName}`, async () => {
        const { Stacks } = await operator.describeStacks({ StackName: StackId });
        return Stacks?.find(({ StackStatus }) => !/IN_PROGRESS$/.test(String(StackStatus)));
      });
      return `${ended.StackStatus} ${ended.StackStatusReason ?? ''}`;
    };
    const by = (name: string) => ({ RoleARN: arn(name) });
    expect(await end(operator, 'by-role', queue, by('makes'))).toMatch(/^CREATE_COMPLETE/);
    expect(await end(operator, 'too-much', topic, by('makes'))).toMatch(/^ROLLBACK_COMPLETE .*sns:CreateTopic/);
    expect(await end(deployer, 'by-oneself', queue)).toMatch(/^ROLLBACK_COMPLETE .*sqs:CreateQueue/);
    await expect(end(operator, 'other', queue, by('other'))).rejects.toThrow(
      `Role ${arn('other')} is invalid or cannot be assumed`,
    );
    await expect(end(deployer, 'passed', queue, by('makes'))).rejects.toThrow(
      `is not authorized to perform: iam:PassRole on resource: ${arn('makes')}`,
    );

    const table = template('AWS::EC2::RouteTable', { VpcId: network.vpcId });
    expect(await end(operator, 'tagged', table, { Tags: [{ Key: 'Team', Value: 'network' }] })).toMatch(/^CREATE/);
    const Filters = [{ Name: 'tag:aws:cloudformation:stack-name', Values: ['tagged'] }];
    const { RouteTables } = await ec2.describeRouteTables({ Filters });
    expect(Object.fromEntries((RouteTables?.[0]?.Tags ?? []).map(({ Key, Value }) => [Key, Value]))).toEqual({
      ...{ Team: 'network', 'aws:cloudformation:logical-id': 'One', 'aws:cloudformation:stack-name': 'tagged' },
      'aws:cloudformation:stack-id': expect.stringMatching(/:stack\/tagged\//),
    });
    for (const client of [operator, deployer]) client.destroy();
  });

  test('faults lose the events of services', async () => {
    box.setFaults({ lose: 1 });
    await mark('unheard');
    log.splice(0);
    await logged('woken by Scheduled Event');
    expect(log.filter((line) => line.includes('Tag Change'))).toEqual([]);
    box.setFaults({ lose: 0 });
  });
});

test('a box that is closed, once or twice, leaves nothing', async () => {
  const box = await start();
  await logged('woken by Scheduled Event');
  expect(codeFolders()).toHaveLength(1);
  expect(await isOpen(box.endpoint)).toBe(true);
  await Promise.all([box.close(), box.close()]);
  await box.close();
  expect(await isOpen(box.endpoint)).toBe(false);
  expect(codeFolders()).toEqual([]);
});

describe('a box does not start, and leaves nothing,', () => {
  const cases: [name: string, options: Partial<BoxOptions>, message: string][] = [
    ['without a package', { packaged: () => tmpdir() }, 'there is no packaged stack in'],
    ['without the diverter', { diverter: join(folder, 'none') }, 'no such file'],
    [
      'with a package for another network',
      { packaged: (network) => packageFor({ ...network, vpcId: 'vpc-1' }) },
      'is packaged for another network. Run: npx serverless package --region eu-central-1 --param vpcId=vpc-0',
    ],
    [
      'with a package for another diverter',
      { diverter: fileURLToPath(import.meta.url) },
      'is packaged with another build of the diverter',
    ],
    [
      'with a resource it does not know',
      { packaged: (network) => packageFor(network, { Table: { Type: 'AWS::DynamoDB::Table' } }) },
      'the local cloud does not support AWS::DynamoDB::Table',
    ],
    [
      'with a wrong event pattern',
      {
        packaged: (network) =>
          packageFor(network, {
            Bad: { Type: 'AWS::Events::Rule', Properties: { EventPattern: { source: 'aws.tag' } } },
          }),
      },
      'Bad could not be made: Event pattern is not valid. Reason: "source": must be an object or an array',
    ],
    ['without its fabric', { fabric: async () => Promise.reject(new Error('no kernel')) }, 'no kernel'],
  ];
  test.each(cases)('%s', async (_name, options, message) => {
    let closed = 0;
    const fabric = { ...noFabric('this is a test'), close: async () => void closed++ };
    await expect(start({ fabric: async () => fabric, ...options })).rejects.toThrow(message);
    expect(closed).toBe(options.fabric ? 0 : 1);
    expect(codeFolders()).toEqual([]);
  });

  test.each([0, 100, 400])('when it is aborted after %d ms', async (ms) => {
    let closed = 0;
    const fabric = { ...noFabric('this is a test'), close: async () => void closed++ };
    const stopping = new AbortController();
    const starting = start({ rate: 10, fabric: () => sleep(200, fabric), signal: stopping.signal });
    setTimeout(() => stopping.abort(new Error('Ctrl-C')), ms);
    await expect(starting).rejects.toThrow('Ctrl-C');
    expect(closed).toBe(1);
    expect(codeFolders()).toEqual([]);
  });

  test('on a port in use', async () => {
    const box = await start();
    await expect(start({ port: Number(new URL(box.endpoint).port) })).rejects.toThrow('is in use');
    await box.close();
  });
});
