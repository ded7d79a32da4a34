import { readFileSync } from 'node:fs';
import { EC2 } from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import { version } from '../../bin/version.ts';
import type { NetworkParameters } from '../../local/stack/package.ts';
import { explained } from '../../resources/failed-deployment.js';
import { describePackaged, packaged, packagedTemplate, packageStack } from '../support/packaged.ts';
import { type StackInBox, stackInBox } from '../support/stack.ts';

const network = { vpcId: 'vpc-0123456789abcdef0', subnetIds: 'subnet-0123456789abcdef0' };
const hubService = 'com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0';
const hubHealth = 'arn:aws:lambda:eu-central-1:222233334444:function:ziti-glb-dev-health';
const STACKS = [
  { config: 'serverless.yml', must: network, reserving: { routers: 1, subnets: 1 } },
  { config: 'spoke.yml', must: { hubService, hubHealth }, reserving: { subnets: 1 } },
];
const BOUNDARY = 'arn:aws:iam::111122223333:policy/bounds';
const withParameters =
  (parameters: Record<string, string>) =>
  ({ vpcId, subnetIds }: NetworkParameters) =>
    packaged({ parameters: { vpcId, subnetIds, ...parameters } });

const packagedState = (parameters: Record<string, string>) =>
  JSON.parse(readFileSync(`${packaged({ parameters })}/serverless-state.json`, 'utf8')).service.provider;

describePackaged('what an account demands before it lets the stack in', () => {
  const typed = (type: string, packaging: Parameters<typeof packagedTemplate>[0]) =>
    Object.values(packagedTemplate(packaging).Resources).filter(({ Type }) => Type === type);
  const ofType = (type: string, parameters: Record<string, string>) =>
    typed(type, { parameters: { ...network, ...parameters } });
  const reserves = (functions: ReturnType<typeof typed>) =>
    Object.fromEntries(
      functions.flatMap(({ Properties: { FunctionName, ...rest } }) =>
        rest.ReservedConcurrentExecutions === undefined
          ? []
          : [[String(FunctionName).split('-').at(-1), rest.ReservedConcurrentExecutions]],
      ),
    );

  test.each(STACKS)('of $config no role is without the boundary, and no function on another processor', (stack) => {
    const { config, must, reserving } = stack;
    const chosen = { permissionsBoundary: BOUNDARY, architecture: 'x86_64', reserveConcurrency: 'false' };
    for (const [given, boundary, architecture, reserved] of [
      [{}, undefined, 'arm64', reserving],
      [chosen, BOUNDARY, 'x86_64', {}],
    ] as const) {
      const packaging = { config, parameters: { ...must, ...given } };
      const roles = typed('AWS::IAM::Role', packaging);
      const functions = typed('AWS::Lambda::Function', packaging);
      expect([roles.length, functions.length].map((count) => count > 1)).toEqual([true, true]);
      expect(new Set(roles.map(({ Properties }) => Properties.PermissionsBoundary))).toEqual(new Set([boundary]));
      expect(new Set(functions.flatMap(({ Properties }) => Properties.Architectures))).toEqual(new Set([architecture]));
      expect(reserves(functions)).toEqual(reserved);
    }
  });

  const SPOKES = { reply: 'geneve', spokeAccounts: '222233334444' };
  test.each<[Record<string, string>, Record<string, number>]>([
    // Another account invokes the function: it may take no more of this one's executions than that.
    [
      { reserveConcurrency: 'true', ...SPOKES },
      { routers: 1, subnets: 1, health: 1 },
    ],
    [{ reserveConcurrency: 'false', ...SPOKES }, {}],
  ])('with %j the functions reserve %j', (given, reserved) => {
    expect(reserves(ofType('AWS::Lambda::Function', given))).toEqual(reserved);
  });

  test('without what a small account and its administrators ask for, it is refused, and a sentence says the way', async () => {
    const refusal = (demands: { concurrency?: number; boundary?: string }) =>
      stackInBox({ demands }).then(
        async ({ box }) => box.close(),
        ({ message }: Error) => message,
      );
    const small = await refusal({ concurrency: 10 });
    expect(small).toMatch(/LambdaFunction could not be made: .*UnreservedConcurrentExecution below its minimum value/);
    expect(explained(String(small))).toMatch(/too small to reserve.* Deploy with --param reserveConcurrency=false/);
    expect(explained('something else')).toBe('something else');
    expect(await refusal({ boundary: BOUNDARY })).toMatch(/Role could not be made: AccessDenied.*iam:CreateRole/);
  });

  test('with it, it stands, and its endpoints carry the tags', async () => {
    const stack: StackInBox = await stackInBox({
      // Functions without a reservation run as often at a time as there are events: on a busy machine each slows the others.
      rate: 20,
      demands: { concurrency: 10, boundary: BOUNDARY },
      packaged: withParameters({
        permissionsBoundary: BOUNDARY,
        reserveConcurrency: 'false',
        tags: 'Team=network,Formula=a=b',
      }),
    });
    const { box, operator, until, routed } = stack;
    const { endpoint, region, credentials } = box;
    const ec2 = new EC2({ endpoint, region, credentials });
    try {
      await operator.launch('router-1', 0);
      await until('healthy router', async () => [...(await operator.health()).values()].includes('healthy'));
      await operator.tag('app-a', '10.20.0.0/16');
      const { endpointId } = await routed('10.20.0.0/16');
      const carried = async () => {
        const { VpcEndpoints = [] } = await ec2.describeVpcEndpoints({ VpcEndpointIds: [endpointId] });
        return VpcEndpoints[0]?.Tags ?? [];
      };
      const demanded = [
        { Key: 'Team', Value: 'network' },
        { Key: 'Formula', Value: 'a=b' },
      ];
      expect(await carried()).toEqual(expect.arrayContaining(demanded));
      // Somebody takes a tag away, as an endpoint of an earlier deployment lacks it.
      await ec2.deleteTags({ Resources: [endpointId], Tags: [{ Key: 'Team' }] });
      await until('tag on the endpoint', async () => (await carried()).some(({ Key }) => Key === 'Team'));
    } finally {
      ec2.destroy();
      await box.close();
    }
  });

  test('what the framework tells CloudFormation to hand on are the same tags', () => {
    const { stackTags } = packagedState({ ...network, tags: 'Team=network,Formula=a=b' });
    const ours = { 'ziti-glb:version': version };
    expect(stackTags).toEqual({ Team: 'network', Formula: 'a=b', ...ours });
    expect(packagedState(network).stackTags).toEqual(ours);
  });

  test('where the routers’ images have a diverter, none has to be built', () => {
    const { status, folder, said } = packageStack({
      parameters: { ...network, diverter: 'netfoundry' },
      built: false,
    });
    expect([status, said]).toEqual([0, expect.any(String)]);
    expect(folder).toBeDefined();
    // A package that is there all the same is not deployed either, however old it is.
    const [{ Properties } = { Properties: {} }] = ofType('AWS::Lambda::Function', { diverter: 'netfoundry' });
    expect(JSON.stringify(Properties)).toContain('"DIVERTER_BUILDS":""');
  });
});
