import { fileURLToPath } from 'node:url';
import { EC2Client } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { credentialsFile, writeCredentials } from '../../../local/credentials.ts';
import { openVpc, type Tenant } from '../../../local/demo/tenant.ts';
import { run } from '../../../local/fabric/process.ts';
import { commands } from '../../support/documents.ts';
import { describePackaged, packaged } from '../../support/packaged.ts';
import { serverless, withoutAws } from '../../support/serverless.ts';
import { type StackInBox, stackInBox } from '../../support/stack.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SPOKE = '222233334444';
const CIDR = '10.20.0.0/16';

describePackaged('who follows the tutorial, with a hub that stands and an empty account beside it', () => {
  let stack: StackInBox;
  let forget: () => void;
  let ec2: EC2Client;
  let tenant: Tenant;
  beforeAll(async () => {
    stack = await stackInBox({
      rate: 10,
      packaged: ({ vpcId, subnetIds }) =>
        packaged({ stage: 'demo', parameters: { vpcId, subnetIds, routerSubnets: subnetIds } }),
    });
    const { box, operator } = stack;
    const { credentials } = box.inAccount(SPOKE);
    forget = writeCredentials(box.endpoint, box.credentials, { [SPOKE]: credentials });
    await operator.launch('router-1', 0);
    ec2 = new EC2Client({ endpoint: box.endpoint, region: box.region, credentials });
    tenant = await openVpc(ec2, box.fabric, {
      ...{ name: 'another', block: '10.0.0.0/16' },
      subnet: { name: 'app-d', cidr: '10.0.10.0/24', zoneId: 'euc1-az2' },
      client: { name: 'client-d', address: '10.0.10.4' },
    });
  });
  afterAll(async () => {
    forget?.();
    ec2?.destroy();
    await stack?.box.close();
  });

  const all = commands().flatMap(({ path, command }) => (path === 'docs/tutorial.md' ? command : []));
  const typed = all.filter((command) => command.startsWith('npx '));
  const [changeHub = '', makeSpoke = '', removeSpoke = '', ...more] = typed;
  /** The spoke is made by then: it is asked what it sees, and the hub. */
  const asks = all.slice(all.indexOf(makeSpoke), all.indexOf(removeSpoke)).filter((one) => / -- status /.test(one));

  /** The reader has exported these before. */
  const exported = () => ({
    AWS_ENDPOINT_URL: stack.box.endpoint,
    AWS_DEFAULT_REGION: stack.box.region,
    AWS_SHARED_CREDENTIALS_FILE: credentialsFile(stack.box.endpoint),
  });

  /** The reader asks this of the cloud that is here. Resolves to what was said. */
  async function ask(command: string): Promise<string> {
    const argv = ['env', '-C', ROOT, ...command.replace('http://127.0.0.1:4780', stack.box.endpoint).split(' ')];
    const { code, stdout, stderr } = await run(argv, { environment: withoutAws(exported()) });
    expect([code, stdout + stderr]).toEqual([0, expect.anything()]);
    return stdout;
  }

  /** The reader types a command, with each `…` as it is here. Resolves to what was said. */
  async function type(command: string): Promise<string> {
    const { network, stack: hub } = stack.box;
    const [, , config = 'serverless.yml'] = /--config (\S+)/.exec(command) ?? [];
    const whole = command
      .replace(/vpc-…/g, network.vpcId)
      .replace(/subnet-…,subnet-…/g, network.subnetIds)
      .replace(/vpce-svc-…/g, String(hub.outputs.EndpointService));
    expect(whole).not.toContain('…');
    const { code, stdout, stderr } = await serverless(whole.split(' ').slice(2), exported());
    expect([code, config, stdout + stderr]).toEqual([0, config, expect.anything()]);
    return stdout + stderr;
  }

  test('changes the hub, makes the spoke, tags a subnet, untags it, and removes the spoke', async () => {
    expect([changeHub, makeSpoke, removeSpoke, ...more].filter(Boolean)).toHaveLength(3);
    const { until, box } = stack;
    const changed = await type(changeHub);
    expect(changed).toContain('Service deployed to stack ziti-glb-demo');
    expect(changed).toContain(`EndpointService: ${box.stack.outputs.EndpointService}`);
    expect(changed).toContain(`HealthFunction: ${/hubHealth=(\S+)/.exec(makeSpoke)?.[1]}`);

    expect(await type(makeSpoke)).toContain('Service deployed to stack ziti-glb-spoke-demo');
    await tenant.tag('app-d', CIDR);
    const routed = async () => (await tenant.endpointRoutes()).some(({ destination }) => destination === CIDR);
    await until('route', routed, 400_000);
    await until('status', async () => (await tenant.status('app-d')) === 'ready', 400_000);
    const owners = [...(await stack.operator.connections()).values()];
    expect(owners).toEqual([{ owner: SPOKE, state: 'available' }]);
    const [ofSpoke = '', ofHub = ''] = await Promise.all(asks.map(ask));
    expect(asks).toHaveLength(2);
    expect(ofSpoke).toMatch(/app-d[\s\S]*ready/);
    expect(ofHub).toContain(SPOKE);

    await tenant.untag('app-d');
    await until('end of the endpoint', async () => (await tenant.endpoints()).length === 0, 400_000);
    expect(await type(removeSpoke)).toContain('Service ziti-glb-spoke has been successfully removed');
    expect(box.inAccount(SPOKE).roles.size).toBe(0);
    expect(stack.log.filter((line) => /not authorized|AccessDenied/.test(line))).toEqual([]);
  }, 1_500_000);
});
