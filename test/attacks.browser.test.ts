import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CreateRouteCommand,
  CreateTagsCommand,
  CreateVpcEndpointCommand,
  CreateVpcEndpointServiceConfigurationCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  EC2Client,
  ModifyVpcEndpointServicePermissionsCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { DescribeKeyCommand, GenerateMacCommand, KMSClient } from '@aws-sdk/client-kms';
import { SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { credentialsFile, writeCredentials } from '../local/credentials.ts';
import { pageOf } from '../local/demo/page/page.ts';
import { noFabric } from '../local/fabric/none.ts';
import { run } from '../local/fabric/process.ts';
import { describeBrowser, openBrowser } from './support/browser.ts';
import { given } from './support/cloud.ts';
import { describeUnless } from './support/describe-unless.ts';
import { describePackaged, packaged } from './support/packaged.ts';
import { type StackInBox, stackInBox } from './support/stack.ts';
import { launching, may, tags } from './support/tag-policy.ts';

/** Runs command lines in turn, each at the program's own terminal, and writes a mark after each. */
const COMMANDS = `
  const [run, terminal, clients] = await Promise.all(['run', 'terminal', 'clients'].map((name) => import(new URL(name + '.ts', '${new URL('../bin/', import.meta.url)}'))));
  const [, lines, mark] = process.argv;
  for (const argv of JSON.parse(lines)) {
    await run.run(argv, terminal.standardTerminal(), clients.awsClients);
    process.stdout.write(mark);
  }`;
const FORM = 'Action=DescribeVpcs&Version=2016-11-15';
const CIDR = '10.20.0.0/16';
const KEY = 'ziti-glb';
/** Debian's `nobody` has this number. */
const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

/** A name may have this in it, which moves the cursor, renames the window, clears the screen, forges a row, or turns text around. */
const FORGED = 'app\u001b]0;owned\u0007\u001b[2J\u009b31m\u007f\r\nrouter-9  ready\u202e\u2066\u2028x';
/** A program's own line breaks, and what turns nothing around, are no commands to a terminal. */
const COMMANDS_TERMINAL = /[^\P{Cc}\n]|[\p{Bidi_Control}\u2028\u2029]/u;

let refusals = 0;
let attempts = 0;

/** An attempt is counted as refused where `refused` has seen so. */
function attempt(what: string, refused: () => Promise<void> | void): void {
  attempts += 1;
  test(what, async () => {
    await refused();
    refusals += 1;
  });
}
afterAll(() => void process.stdout.write(`${refusals} of ${attempts} attacks were refused.\n`));

/**
 * docs/security.md as a list of attempts, against the packaged stack in a cloud in a box: what each of them gets is
 * nothing. Attacks on a router from its own machine are in test/bpf and test/resources/install.
 */
describePackaged('who does not belong gets nothing', () => {
  let stack: StackInBox;
  let page: Awaited<ReturnType<typeof pageOf>>;
  let forget: () => void;

  beforeAll(async () => {
    // A machine of the attacker's own answers health checks; only what is run on it fails.
    const nothing = noFabric('this is a test');
    const own = new Set<string>();
    stack = await stackInBox({
      packaged: ({ vpcId, subnetIds }) => packaged({ parameters: { vpcId, subnetIds, dnsRanges: 'true' } }),
      fabric: async () => ({
        ...nothing,
        async sync(network) {
          for (const { id, image } of network.instances) if (image === 'ami-client') own.add(id);
          return nothing.sync(network);
        },
        exec: async (id, ...rest) => (own.has(id) ? { code: 1, stdout: '', stderr: 'no' } : nothing.exec(id, ...rest)),
      }),
    });
    page = await pageOf(stack.box, stack.log);
    forget = writeCredentials(stack.box.endpoint, stack.box.credentials);
  });
  afterAll(async () => {
    await page?.close();
    await stack?.box.close();
    forget?.();
  });

  describeUnless(process.getuid?.() === 0 ? undefined : 'only root can be another user', 'as another user', () => {
    const asNobody = async (...argv: string[]) => (await run([...AS_NOBODY, ...argv])).stdout;
    const curl = (...argv: string[]) => asNobody('curl', '-s', '-f', '-m', '20', ...argv);
    const sign = ['--aws-sigv4', 'aws:amz:eu-central-1:ec2', '-d', FORM];
    const api = () => stack.box.endpoint;
    const bare = () => new URL('/', page.url).href;

    test('with the key he is let in', async () => {
      const { accessKeyId, secretAccessKey } = stack.box.credentials;
      expect(await curl(...sign, '--user', `${accessKeyId}:${secretAccessKey}`, api())).toContain('<vpcSet><item>');
    });

    const attacks: [string, () => Promise<string>][] = [
      ['reads the key', () => asNobody('cat', credentialsFile(api()))],
      ['asks without a signature', () => curl('-d', FORM, api())],
      ['signs by a secret that he guesses', () => curl(...sign, '--user', 'operator:operator', api())],
      ['signs by a key that he makes up', () => curl(...sign, '--user', 'root:root', api())],
      ['opens the picture', () => curl(bare())],
      ['asks for what the picture asks for', () => curl('-d', '{}', `${bare()}widget`)],
      ['reads the log', () => curl(`${bare()}log?of=vpc`)],
      ['comes by another name', () => curl('-H', 'Host: rebound.example', page.url)],
      ['says that a page of another origin asks', () => curl('-H', 'Origin: https://example.com', page.url)],
      ['asks as a page of another site would', () => curl('-H', 'Sec-Fetch-Site: cross-site', page.url)],
    ];
    for (const [what, attack] of attacks)
      attempt(`he ${what}`, async () => {
        expect(await attack()).toBe('');
      });
  });

  describeBrowser('as a page of another origin', () => {
    let elsewhere: Server;
    let opened: Awaited<ReturnType<typeof openBrowser>>;
    let tab: Page;
    /**
     * The servers note the status of each answer that they gave the browser: a browser tells no page of a refused frame.
     * Functions ask these servers too.
     */
    let answers: number[] = [];
    const gave = (message: unknown) => {
      const { request, response, server } = message as {
        request: IncomingMessage;
        response: ServerResponse;
        server: Server;
      };
      const isBrowsers = request.headers['user-agent']?.startsWith('Mozilla/');
      if (isBrowsers && server !== elsewhere) answers.push(response.statusCode);
    };

    beforeAll(async () => {
      elsewhere = createServer((_, response) => response.end('<!doctype html><title>elsewhere</title>'));
      await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
      opened = await openBrowser();
      tab = await opened.browser.newPage();
      await tab.goto(`http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`);
      subscribe('http.server.response.finish', gave);
    });
    afterAll(async () => {
      unsubscribe('http.server.response.finish', gave);
      await opened?.close();
      await new Promise((resolve) => elsewhere?.close(resolve));
    });

    /** The page runs text, which is no program of this one's types. */
    const fetching = (mode: string) => (url: string) =>
      `fetch(${JSON.stringify(url)}, { method: 'POST', mode: '${mode}', body: 'Action=DescribeVpcs' })
        .then((answer) => answer.text(), () => '')`;
    const form = (url: string) => `new Promise((resolve) => {
      document.body.innerHTML = ${JSON.stringify(`<iframe name="answer"></iframe><form target="answer" action="${url}"
        method="post" enctype="text/plain"><input name='{"a":"' value='"}'></form>`)};
      document.querySelector('iframe').onload = () => resolve('');
      document.forms[0].submit();
    })`;
    const frame = (url: string) => `new Promise((resolve) => {
      const frame = document.body.appendChild(document.createElement('iframe'));
      frame.onload = () => resolve(''), frame.src = ${JSON.stringify(url)};
    })`;
    const picture = (url: string) => `new Promise((resolve) => {
      const picture = new Image();
      picture.onload = () => resolve('loaded');
      picture.onerror = () => resolve('');
      picture.src = ${JSON.stringify(url)};
    })`;
    type Attack = [way: string, where: string, attack: (url: string) => string, url: () => string];
    const attackAt = (...attack: Attack) => attack;
    const ways = {
      fetch: fetching('cors'),
      'fetch without CORS': fetching('no-cors'),
      'a form': form,
      'a frame': frame,
      'a picture': picture,
    };

    for (const [way, where, attack, url] of Object.entries(ways).flatMap(([name, way]) => [
      attackAt(name, 'the API', way, () => `${stack.box.endpoint}/`),
      attackAt(name, 'the picture, whose address it has learnt', way, () => `${page.url}widget`),
    ]))
      attempt(`it asks by ${way} at ${where}`, async () => {
        answers = [];
        expect(await tab.evaluate(attack(url()))).toBe('');
        expect(new Set(answers)).toEqual(new Set([403]));
      });

    attempt('its name is rebound to this machine', async () => {
      const { port } = new URL(stack.box.endpoint);
      const rebound = await opened.browser.newPage();
      // Chromium takes each name under localhost for this machine.
      expect((await rebound.goto(`http://rebound.localhost:${port}/`))?.status()).toBe(403);
      const asked = `fetch('/', { method: 'POST', body: ${JSON.stringify(FORM)} }).then((answer) => answer.status)`;
      expect(await rebound.evaluate(asked)).toBe(403);
      await rebound.close();
    });
  });

  describe('as who may do all that AWS has, but for what the policy denies', () => {
    const instance = { Resources: ['i-0'] };
    const attacks: [string, string, Record<string, unknown>][] = [
      ['makes a router of his machine', 'CreateTags', { ...instance, ...tags(KEY) }],
      ['says that a diverter is there', 'CreateTags', { ...instance, ...tags(`${KEY}:diverter`) }],
      ['leads names to his machine', 'CreateTags', { ...instance, ...tags(`${KEY}:dns-range`) }],
      ['takes a router out', 'DeleteTags', { ...instance, ...tags(KEY) }],
      ['takes all tags of it', 'DeleteTags', instance],
      ['launches a router', 'RunInstances', launching(KEY)],
      ['says whereto a route led', 'CreateTags', { Resources: ['rtb-0'], ...tags(`${KEY}:former:${CIDR}`) }],
      ['opts a subnet in', 'CreateTags', { Resources: ['subnet-0'], ...tags(KEY) }],
      ['makes an endpoint ours', 'CreateTags', { Resources: ['vpce-0'], ...tags('ziti-glb:stack') }],
    ];
    for (const [what, operation, input] of attacks)
      attempt(`he ${what}`, async () => {
        expect(await may('developer', operation, input)).toBe(false);
        expect(await may('network-admins', operation, input)).toBe(true);
      });
  });

  describe('as who may do all that IAM can allow', () => {
    const clients = () => {
      const { endpoint, region, credentials } = stack.box;
      return { endpoint, region, credentials };
    };
    const made = (name: string) => String(stack.box.stack.resources.get(name)?.made.ref);

    attempt('he has KMS seal his own notes', async () => {
      const kms = new KMSClient(clients());
      const KeyId = String(stack.box.stack.resources.get('SealKey')?.made.attributes?.Arn);
      const asked = { KeyId, MacAlgorithm: 'HMAC_SHA_256', Message: Buffer.from('ziti-glb') } as const;
      await expect(kms.send(new GenerateMacCommand(asked))).rejects.toMatchObject({ name: 'AccessDeniedException' });
      expect((await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.Arn).toBe(KeyId);
    });

    const parameters: [string, Record<string, string>][] = [
      ['another package', { Url: 'https://example.com/diverter?x' }],
      ['another bucket', { Url: 'https://his.s3.eu-central-1.amazonaws.com/serverless/ziti-glb/test/diverter/0?x' }],
      ['a bucket whose name begins with ours', { Url: 'http://169.254.0.80.example.com/' }],
      ['what hashes to something else', { Sha256: '0'.repeat(64) }],
      ['a program among the addresses', { Addresses: "10.0.0.4' ; touch /owned ; '" }],
      ['a program in place of the diverter’s name', { Diverter: 'own; touch /owned' }],
      ['an option of his own', { HealthOptions: '--router 8081 --from any' }],
      ['a file by the key’s name', { RegistrationKey: '$(touch /owned)' }],
    ];
    for (const [what, given] of parameters)
      attempt(`he has the document install ${what}`, async () => {
        const ssm = new SSMClient(clients());
        const valid = {
          ...{ Diverter: 'own', Url: '', Sha256: '', Addresses: '10.0.0.4', Sources: '10.0.0.5/32', Reply: 'direct' },
          ...{ Range: '', Resolver: '', HealthPort: '', HealthOptions: '', RegistrationKey: '', TuneRouter: 'true' },
        };
        const send = (all: Record<string, string>) =>
          ssm.send(
            new SendCommandCommand({
              DocumentName: made('InstallDocument'),
              InstanceIds: ['i-00000000000000000'],
              Parameters: Object.fromEntries(Object.entries(all).map(([name, value]) => [name, [value]])),
            }),
          );
        await expect(send({ ...valid, ...given })).rejects.toMatchObject({ name: 'InvalidParameters' });
        await expect(send(valid)).rejects.toMatchObject({ name: 'InvalidInstanceId' });
      });
  });

  describe('as who may write any tag, where there is no such policy', () => {
    let ec2: EC2Client;
    let machine: { id: string; face: string };
    let router: string;
    let table: string;
    let firewall: string;
    const tag = (id: string, all: Record<string, string>) =>
      ec2.send(
        new CreateTagsCommand({ Resources: [id], Tags: Object.entries(all).map(([Key, Value]) => ({ Key, Value })) }),
      );
    const described = async (name: string) =>
      given((await stack.operator.instances()).find((instance) => instance.name === name));
    const targetsOf = async () => {
      const { RouteTables } = await ec2.send(new DescribeRouteTablesCommand({}));
      return (RouteTables ?? []).flatMap(({ Routes = [] }) => Routes);
    };

    beforeAll(async () => {
      const { box, operator, routed, until } = stack;
      const { endpoint, region, credentials, network } = box;
      ec2 = new EC2Client({ endpoint, region, credentials });
      await operator.launch('router', 0);
      await operator.launch('router-2', 1);
      router = await operator.instanceId('router');
      await until(
        'healthy routers',
        async () => [...(await operator.health()).values()].filter((state) => state === 'healthy').length === 2,
      );
      await operator.tag('app-a', CIDR);
      await routed(CIDR);
      await until('range of the router', async () =>
        (await described('router')).Tags?.some(({ Key }) => Key === `${KEY}:dns-range`),
      );
      const { Instances } = await ec2.send(
        new RunInstancesCommand({
          ...{ ImageId: 'ami-client', MinCount: 1, MaxCount: 1, SubnetId: network.subnetIds.split(',')[0] },
          TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'his' }] }],
        }),
      );
      const { InstanceId, NetworkInterfaces } = given(Instances?.[0]);
      machine = { id: given(InstanceId), face: given(NetworkInterfaces?.[0]?.NetworkInterfaceId) };
      const { RouteTables } = await ec2.send(new DescribeRouteTablesCommand({}));
      table = given(
        RouteTables?.find(({ Routes }) => Routes?.some(({ DestinationCidrBlock }) => DestinationCidrBlock === CIDR))
          ?.RouteTableId,
      );

      // A firewall has an endpoint, of another service, to which a route of its owner's leads.
      const { ServiceConfiguration } = await ec2.send(
        new CreateVpcEndpointServiceConfigurationCommand({
          GatewayLoadBalancerArns: [box.stack.resources.get('LoadBalancer')?.made.ref ?? ''],
          AcceptanceRequired: false,
        }),
      );
      const { ServiceId, ServiceName } = given(ServiceConfiguration);
      await ec2.send(new ModifyVpcEndpointServicePermissionsCommand({ ServiceId, AddAllowedPrincipals: ['*'] }));
      const { VpcEndpoint } = await ec2.send(
        new CreateVpcEndpointCommand({
          ...{ VpcEndpointType: 'GatewayLoadBalancer', ServiceName, VpcId: network.vpcId },
          SubnetIds: [network.subnetIds.split(',')[0] ?? ''],
        }),
      );
      firewall = given(VpcEndpoint?.VpcEndpointId);
      await until('the firewall', async () =>
        (await operator.endpoints()).some(
          ({ VpcEndpointId, State }) => VpcEndpointId === firewall && State?.toLowerCase() === 'available',
        ),
      );
      const route = { RouteTableId: table, DestinationCidrBlock: '10.66.0.0/16', VpcEndpointId: firewall };
      await ec2.send(new CreateRouteCommand(route));

      // An attacker writes all at once; then ten minutes of the cloud's time pass, and the subnet is opted out.
      const notes = Object.fromEntries(
        (await described('router')).Tags?.map(({ Key = '', Value = '' }) => [Key, Value]) ?? [],
      );
      await tag(machine.id, { ...notes, Name: 'his' });
      await tag(table, { [`${KEY}:former:${CIDR}`]: `${machine.face} since 2026-01-15T10:00:00.000Z` });
      await tag(table, { [`${KEY}:direct:10.99.0.0/16`]: router });
      const ours = given((await operator.endpoints()).find(({ VpcEndpointId }) => VpcEndpointId !== firewall));
      await tag(firewall, Object.fromEntries(ours.Tags?.map(({ Key = '', Value = '' }) => [Key, Value]) ?? []));
      await box.clock.sleep(600_000);
      await operator.untag('app-a');
      await box.clock.sleep(180_000);
    });
    afterAll(() => ec2?.destroy());

    attempt('his machine, with all tags of a router, is no target', async () => {
      expect([...(await stack.operator.health()).keys()]).not.toContain(machine.id);
      expect((await stack.operator.health()).get(router)).toBe('healthy');
    });
    attempt('its source/dest check is on', async () => {
      expect((await described('his')).NetworkInterfaces?.[0]?.SourceDestCheck).toBe(true);
    });
    attempt('no route is given back to it, and none for names leads there', async () => {
      expect((await targetsOf()).map(({ NetworkInterfaceId }) => NetworkInterfaceId)).not.toContain(machine.face);
    });
    attempt('a route that he says is ours is none', async () => {
      expect((await targetsOf()).map(({ DestinationCidrBlock }) => DestinationCidrBlock)).not.toContain('10.99.0.0/16');
    });
    attempt('the firewall’s endpoint and its route stay', async () => {
      expect((await stack.operator.endpoints()).map(({ VpcEndpointId }) => VpcEndpointId)).toContain(firewall);
      expect((await targetsOf()).map(({ GatewayId }) => GatewayId)).toContain(firewall);
    });
    test('the log says so of each', () => {
      for (const id of [machine.id, firewall, table])
        expect(stack.log.filter((line) => line.includes(id))).not.toEqual([]);
    });
    test('who asks is still answered', async () => {
      expect((await ec2.send(new DescribeVpcsCommand({}))).Vpcs).toHaveLength(1);
    });

    describe('and names things so that terminals obey him', () => {
      const shown: string[] = [];
      const reading = [
        'status',
        'status --for=ready --timeout=0',
        'plan',
        'plan --with FORGED=10.20.0.0/16',
        'explain ROUTER',
        'explain FORGED',
        'explain ROUTER 10.20.0.5:443',
        'doctor',
        'router ROUTER',
        'test FORGED',
        'log',
        'log ROUTER',
        'versions',
      ];
      const lines = [...reading, ...reading.map((each) => `${each} --json`), 'bundle', 'drain', 'redrive', 'FORGED'];

      beforeAll(async () => {
        await tag(router, { Name: FORGED });
        const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
        for (const { SubnetId = '' } of Subnets) await tag(SubnetId, { Name: FORGED });
        await tag(given(Subnets[0]?.SubnetId), { [KEY]: FORGED });
        await stack.box.clock.sleep(120_000);
        const at = ['--endpoint', stack.box.endpoint, '--stack', stack.box.stack.name];
        const typed = lines.map((line) => [
          ...line.split(' ').map((word) => word.replace('FORGED', FORGED).replace('ROUTER', router)),
          ...at,
        ]);
        const mark = randomUUID();
        const node = [process.execPath, '--input-type=module', '-e', COMMANDS, JSON.stringify(typed), mark];
        const { stdout } = await run(['sh', '-c', 'exec "$@" 2>&1', 'sh', ...node]);
        shown.push(...stdout.split(mark));
      });

      for (const [at, line] of lines.entries())
        attempt(`and ziti-glb ${line} shows what he wrote as text`, () => {
          expect(shown[at]).toMatch(/\n$/);
          expect(shown[at]).not.toMatch(COMMANDS_TERMINAL);
          if (/^(status|plan|FORGED)/.test(line)) expect(shown[at]).toContain(String.raw`app\u001b]0;owned`);
        });
    });
  });
});
