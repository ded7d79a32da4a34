import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EC2Client } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { credentialsFile, writeCredentials } from '../../../local/credentials.ts';
import { openVpc, type Tenant } from '../../../local/demo/tenant.ts';
import { run } from '../../../local/fabric/process.ts';
import { commands } from '../../support/documents.ts';
import { describePackaged, packaged, temporaryFolder } from '../../support/packaged.ts';
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
  }, 300_000);
  afterAll(async () => {
    forget?.();
    ec2?.destroy();
    await stack?.box.close();
  });

  const typed = commands().filter(({ path, command }) => path === 'docs/tutorial.md' && command.startsWith('npx '));
  const [changeHub = '', makeSpoke = '', removeSpoke = '', ...more] = typed.map(({ command }) => command);

  /** Types a command, with each `…` as it is here. Resolves to what was said. */
  async function type(command: string): Promise<string> {
    const { endpoint, network, stack: hub } = stack.box;
    const [, , config = 'serverless.yml'] = /--config (\S+)/.exec(command) ?? [];
    const whole = command
      .replace(/vpc-…/g, network.vpcId)
      .replace(/subnet-…,subnet-…/g, network.subnetIds)
      .replace(/vpce-svc-…/g, String(hub.outputs.EndpointService));
    expect(whole).not.toContain('…');
    // What the framework writes beside its file, other tests write too.
    const folder = temporaryFolder('deploying-');
    for (const name of ['serverless.yml', 'spoke.yml']) cpSync(join(ROOT, name), join(folder, name));
    for (const name of ['package.json', 'functions', 'shared', 'examples', 'node_modules', 'resources', 'bpf'])
      symlinkSync(join(ROOT, name), join(folder, name));
    const { AWS_PROFILE, AWS_REGION, ...ours } = process.env;
    const environment = {
      ...ours,
      AWS_ENDPOINT_URL: endpoint,
      AWS_DEFAULT_REGION: stack.box.region,
      AWS_SHARED_CREDENTIALS_FILE: credentialsFile(endpoint),
      SLS_AWS_MONITORING_FREQUENCY: '200',
    };
    const program = join(ROOT, 'node_modules/serverless/bin/serverless.js');
    const argv = ['env', '-C', folder, process.execPath, program, ...whole.split(' ').slice(2)];
    const { code, stdout, stderr } = await run(argv, { environment });
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

    await tenant.untag('app-d');
    await until('end of the endpoint', async () => (await tenant.endpoints()).length === 0, 400_000);
    expect(await type(removeSpoke)).toContain('Service ziti-glb-spoke has been successfully removed');
    expect(box.inAccount(SPOKE).roles.size).toBe(0);
    expect(stack.log.filter((line) => /not authorized|AccessDenied/.test(line))).toEqual([]);
  }, 1_500_000);
});
