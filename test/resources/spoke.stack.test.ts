import { EC2 } from '@aws-sdk/client-ec2';
import { InvokeCommand, Lambda, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Stack } from '../../local/stack/deploy.ts';
import { parseTemplate } from '../../local/stack/template.ts';
import { SPOKE as PLAIN_SPOKE } from '../../release/parameters.ts';
import { plainTemplate } from '../../release/template.ts';
import { describePackaged, packaged, temporaryFolder } from '../support/packaged.ts';
import { serverless } from '../support/serverless.ts';
import { type StackInBox, stackInBox } from '../support/stack.ts';

const SPOKE = '222233334444';
/** This account is of the organisation that may ask, and no spoke by name. */
const MEMBER = '333344445555';
const STRANGER = '444455556666';
const ORGANIZATION = 'o-a1b2c3d4e5';
const CIDR = '10.20.0.0/16';

describePackaged('a hub and a spoke of another account', () => {
  let stack: StackInBox;
  let people: EC2;
  let spoke: ReturnType<StackInBox['box']['inAccount']>;
  let parameters: Record<string, string>;
  let subnet: string;
  let table: string;
  beforeAll(async () => {
    stack = await stackInBox({
      // Three functions wait for each other, each of which has to begin first.
      rate: 10,
      packaged: ({ vpcId, subnetIds }) =>
        packaged({
          parameters: { vpcId, subnetIds, reply: 'geneve', spokeAccounts: SPOKE, spokeOrganization: ORGANIZATION },
        }),
      organization: { id: ORGANIZATION, accounts: [MEMBER] },
    });
    const { box, operator } = stack;
    await operator.launch('router-1', 0);
    spoke = box.inAccount(SPOKE);
    people = new EC2({ endpoint: box.endpoint, region: box.region, credentials: spoke.credentials });
    const { Vpc } = await people.createVpc({ CidrBlock: '10.0.0.0/16' });
    const VpcId = Vpc?.VpcId ?? '';
    // The hub calls this zone eu-central-1b.
    const { Subnet } = await people.createSubnet({
      VpcId,
      CidrBlock: '10.0.1.0/24',
      AvailabilityZone: 'eu-central-1a',
    });
    subnet = Subnet?.SubnetId ?? '';
    const { RouteTable } = await people.createRouteTable({ VpcId });
    table = RouteTable?.RouteTableId ?? '';
    await people.associateRouteTable({ SubnetId: subnet, RouteTableId: table });
    const service = box.stack.outputs.EndpointService;
    parameters = {
      hubService: `com.amazonaws.vpce.${box.region}.${service}`,
      hubHealth: box.stack.outputs.HealthFunction ?? '',
    };
  });
  afterAll(async () => {
    people?.destroy();
    await stack?.box.close();
  });

  const tag = (Value: string) => people.createTags({ Resources: [subnet], Tags: [{ Key: 'ziti-glb', Value }] });
  const status = async () => {
    const { Subnets } = await people.describeSubnets({ SubnetIds: [subnet] });
    return Subnets?.[0]?.Tags?.find(({ Key }) => Key === 'ziti-glb:status')?.Value;
  };
  const routed = async () => {
    const { RouteTables } = await people.describeRouteTables({ RouteTableIds: [table] });
    return RouteTables?.[0]?.Routes?.some(
      ({ DestinationCidrBlock, GatewayId }) => DestinationCidrBlock === CIDR && GatewayId?.startsWith('vpce-'),
    );
  };

  /** Calls the function of the picture, as the dashboard of an account does. Rejects with its error. */
  const draw = async (account: 'hub' | 'spoke', event: unknown = {}) => {
    const { credentials } = account === 'hub' ? stack.box : spoke;
    const lambda = new Lambda({ endpoint: stack.box.endpoint, region: stack.box.region, credentials });
    try {
      const FunctionName = account === 'hub' ? 'ziti-glb-test-topology' : 'ziti-glb-spoke-test-topology';
      const { Payload, FunctionError } = await lambda.invoke({ FunctionName, Payload: JSON.stringify(event) });
      const answer = JSON.parse(new TextDecoder().decode(Payload));
      if (FunctionError) throw new Error(answer.errorMessage);
      return String(answer);
    } finally {
      lambda.destroy();
    }
  };
  /** The picture is read once all of these are in it: a function's seconds are some of the wall's tenths, and the hub's answers one question at a time. */
  const seen = (account: 'hub' | 'spoke', ...all: RegExp[]) =>
    stack.until(`picture of the ${account} with ${all.join(', ')}`, async () => {
      const html = await draw(account).catch((error) => void stack.log.push(`the picture: ${error}`));
      const text = html?.replace(/<(style|title|cwdb-action).*?<\/\1>|<[^>]*>/gs, ' ').replace(/\s+/g, ' ') ?? '';
      stack.log.push(`the picture: ${text}`);
      return all.every((each) => each.test(text));
    });
  let deployed: Stack;
  const plain = async () => {
    const { template, code } = plainTemplate(temporaryFolder('plain-'), PLAIN_SPOKE);
    const given = { ...parameters, stage: 'test', codeBucket: 'code-of-spoke', codePrefix: 'of/1' };
    const files = new Map([...code].map(([key, path]) => [`of/1/${key}`, path]));
    return spoke.deployTemplate('a-name', parseTemplate(JSON.stringify(template)), given, files);
  };
  const byServerless = () => spoke.deploy(packaged({ parameters, config: 'spoke.yml' }));

  test.each([
    ['by the plain template', plain],
    ['by Serverless', byServerless],
  ])(
    'deployed %s, a tag there leads to the hub’s routers, by roles that may do that and no more, seen from both accounts, and all goes with it',
    async (_, deploy) => {
      const { until } = stack;
      deployed = await deploy();
      await tag(CIDR);
      const endpoint = async () =>
        (await people.describeVpcEndpoints()).VpcEndpoints?.find(
          ({ State }) => String(State).toLowerCase() !== 'deleted',
        );
      const state = async () => String((await endpoint())?.State);
      await until('endpoint', async () => (await state()) !== 'undefined');
      await until('acceptance', async () => (await state()) !== 'pendingAcceptance');
      await until('available endpoint', async () => (await state()) === 'available');
      await until('route', routed);
      await until('status', async () => (await status()) === 'ready');

      await seen(
        'spoke',
        /1 of 1 subnet ready, healthy routers for 2 of 2 zones/,
        new RegExp(
          `Hub: account ${stack.box.account} · ${parameters.hubService} · 1 endpoint: 1 available · it told of`,
        ),
        /eu-central-1a .*service euc1-az3 .*1 healthy router ready told \d+ (seconds?|minutes) ago/,
      );
      await seen('hub', new RegExp(`Other accounts ${SPOKE} ready 1 endpoint: 1 available`));
      // The function says it in its log.
      await expect(draw('spoke', 'nothing')).rejects.toThrow('This is no call of a dashboard');

      await people.deleteTags({ Resources: [subnet], Tags: [{ Key: 'ziti-glb' }] });
      await until('end of the route', async () => !(await routed()));
      await until('end of the status', async () => (await status()) === undefined);
      await until('end of the endpoint', async () => (await endpoint()) === undefined);
      expect(stack.log.filter((line) => /not authorized|AccessDenied/.test(line))).toEqual([]);
      const unused = spoke.unusedAccess();
      expect(unused.filter(({ role }) => role.includes('Topology'))).toEqual([]);
      expect(unused.filter(({ action }) => action === 'lambda:InvokeFunction')).toEqual([]);
      if (deploy === plain) await spoke.remove(deployed);
    },
    600_000,
  );

  test.each([
    ['named', SPOKE, true],
    ['of the organisation', MEMBER, true],
    ['neither', STRANGER, false],
  ])('an account that is %s may ask which routers are healthy, or not', async (_, account, may) => {
    const { box } = stack;
    const lambda = new LambdaClient({
      ...{ endpoint: box.endpoint, region: box.region, credentials: box.inAccount(account).credentials },
    });
    const asked = lambda.send(new InvokeCommand({ FunctionName: parameters.hubHealth }));
    if (may) expect(JSON.parse(new TextDecoder().decode((await asked).Payload))).toHaveProperty('zones');
    else await expect(asked).rejects.toMatchObject({ name: 'AccessDeniedException' });
    lambda.destroy();
  });

  test('an account of the organisation that is not named sees no service to connect to', async () => {
    const { box } = stack;
    const ServiceNames = [String(parameters.hubService)];
    const seen = (account: string) => {
      const ec2 = new EC2({
        endpoint: box.endpoint,
        region: box.region,
        credentials: box.inAccount(account).credentials,
      });
      return ec2.describeVpcEndpointServices({ ServiceNames });
    };
    expect((await seen(SPOKE)).ServiceDetails).toHaveLength(1);
    await expect(seen(MEMBER)).rejects.toMatchObject({ name: 'InvalidServiceName' });
  });

  test('is refused in the hub’s own account, before anything is packaged', async () => {
    const { endpoint, region, credentials } = stack.box;
    const given = Object.entries(parameters).flatMap(([name, value]) => ['--param', `${name}=${value}`]);
    const { code, stdout, stderr } = await serverless(['deploy', '--config', 'spoke.yml', ...given], {
      ...{ AWS_ENDPOINT_URL: endpoint, AWS_REGION: region },
      ...{ AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey },
    });
    expect([code, stdout + stderr]).toEqual([
      64,
      expect.stringContaining(`The hub is of this account, ${stack.box.account}`),
    ]);
  });

  test('is refused where the hub is in another region, or not named, before anything is packaged', () => {
    const elsewhere = { ...parameters, hubService: String(parameters.hubService).replace('central', 'west') };
    expect(() => packaged({ parameters: elsewhere, config: 'spoke.yml' })).toThrow(
      /hubService is in another region than the stack, eu-central-1/,
    );
    expect(() => packaged({ parameters: {}, config: 'spoke.yml' })).toThrow(/hubService must be given/);
    expect(() => packaged({ parameters: { ...parameters, vpcId: 'vpc-1' }, config: 'spoke.yml' })).toThrow(
      /no parameter vpcId/,
    );
  });

  test('a second spoke of the account with the same tag is refused', async () => {
    const folder = packaged({ parameters, config: 'spoke.yml', stage: 'other' });
    await expect(spoke.deploy(folder)).rejects.toThrow(/ziti-glb\/clients\/ziti-glb/);
  });
});
