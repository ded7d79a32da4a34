import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { EC2Client } from '@aws-sdk/client-ec2';
import { Listr } from 'listr2';
import { localPackage } from '../../resources/diverter.js';
import { plain, plainLines } from '../../shared/plain.ts';
import { type Box, IMAGES, startBox } from '../box.ts';
import { credentialsFile, writeCredentials } from '../credentials.ts';
import { diverterRefused, fabricUnavailable } from '../fabric/available.ts';
import { type NamespaceFabric, namespaceFabric } from '../fabric/namespaces.ts';
import { noFabric } from '../fabric/none.ts';
import { findZiti } from '../fabric/ziti.ts';
import { setUp } from '../setup.ts';
import { createOperator } from './operator.ts';
import { packageStack, STAGE } from './package.ts';
import { pageOf } from './page/page.ts';
import { picture } from './picture.ts';
import { type Other, playground } from './playground.ts';
import { type Stage, steps } from './steps.ts';
import { openVpc, type Tenant } from './tenant.ts';
import { type Elsewhere, sameAddresses, vpcSteps } from './vpcs.ts';

/** Seconds of the cloud's time in one of the wall's: fast enough to watch, slow enough for real TLS and a real install. */
const RATE = 10;
const PORT = 4780;

const USAGE = `npm run demo -- [--keep] [--port N] [--vpcs] [--ziti]

  --keep    leave the cloud running at the end, or where a step fails, to play with, and an account beside it
  --port N  where its AWS API listens on 127.0.0.1 (default ${PORT})
  --vpcs    clients with the same address in the routers' VPC, another one, and one of another account
  --ziti    with OpenZiti's own controller and routers: the ziti on the PATH, or ZITI=/path/to/ziti`;

/** Aborted by a signal: everything is taken down, and nothing needs to be explained. */
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Not `once`: what shows the progress ends the process where it finds no other listener.
  process.on(signal, () => interrupt.abort(new Error(signal)));
}

/** Rejects when a signal came. */
function interrupted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}

/** Lines that a box's functions logged, the newest last: shown where something went wrong. */
const log: string[] = [];
const LOG_LINES = 10_000;

async function main(): Promise<void> {
  const { keep, port, vpcs, ziti } = options();
  const alone = await takeCheckout();
  const unavailable = fabricUnavailable();
  setUp();
  const reason = unavailable ?? diverterRefused();
  if (ziti && reason) throw new Error(`OpenZiti's own routers need packets, and there are none: ${reason}.`);
  console.log(
    reason
      ? `The control plane alone, without packets: ${reason}.\n`
      : `A cloud in a box: its time runs ${RATE} times as fast as the wall's.\n`,
  );
  let starting: Promise<Box> | undefined;
  let page: Awaited<ReturnType<typeof pageOf>> | undefined;
  let forget: (() => void) | undefined;
  try {
    await Promise.race([walk(), interrupted(interrupt.signal)]);
  } finally {
    forget?.();
    await page?.close();
    // An interrupted start takes down by itself what it had made, and rejects when it has.
    await starting?.then(
      (box) => box.close(),
      () => {},
    );
    alone.close();
  }

  async function walk(): Promise<void> {
    const began = Date.now();
    let packets: NamespaceFabric | undefined;
    await show(
      'Start a cloud: network, load balancer, endpoint service and functions, from their templates',
      async () => {
        starting = startBox({
          rate: RATE,
          port,
          signal: interrupt.signal,
          fabric: async (services) => {
            if (reason) return noFabric(reason);
            packets = await namespaceFabric({ images: IMAGES, services, ...(ziti && { ziti }) });
            return packets;
          },
          packaged: ({ region, vpcId, subnetIds }) =>
            packageStack(region, parametersOf({ vpcId, subnetIds }, vpcs), { signal: interrupt.signal }),
          diverter: localPackage(),
          onLog: (source, line) => {
            if (!isMetrics(line) && log.push(readable(source, line)) > LOG_LINES) log.shift();
          },
        });
        const box = await starting;
        forget = writeCredentials(
          box.endpoint,
          box.credentials,
          vpcs || keep ? { [SPOKE]: box.inAccount(SPOKE).credentials } : {},
        );
        page = await pageOf(box, log);
        return `AWS API at ${box.endpoint}, its key in ${credentialsFile(box.endpoint)}; ${box.network.vpcId}; watch it live at ${page.url}`;
      },
    );
    if (!starting) return;
    const box = await starting;
    if (ziti) {
      const operator = operatorOf(box, packets);
      await show("Launch OpenZiti's controller, a router that hosts services, and a server behind it", async () => {
        const began = box.clock.now();
        await operator.launchController();
        return `${ziti}, ${((box.clock.now() - began) / 1000).toFixed(1)} s after launch`;
      });
    }
    const stage: Stage = { operator: operatorOf(box, packets), clock: box.clock, packets: !reason };
    try {
      for (const { title, without, run } of vpcs ? vpcSteps(elsewhere(box, stage)) : steps) {
        if (stage.packets) await show(title, (say) => run(stage, say));
        else if (without) await show(without, (say) => run(stage, say));
      }
    } catch (error) {
      if (!keep || interrupt.signal.aborted) throw error;
      complain(error);
      process.exitCode = 1;
      return play(box, stage, []);
    }
    if (stage.atWork)
      console.log(
        `\n${vpcs ? 'While all were tagged' : 'While it was tagged, and one router dead'}:\n\n${picture(stage.atWork)}\n`,
      );
    const took = ((Date.now() - began) / 1000).toFixed(0);
    console.log(
      stage.packets
        ? `All of it seen to be so, in ${took} s.`
        : `The control plane seen to do all of it, in ${took} s. No packet was sent: ${reason}.`,
    );
    if (keep) await play(box, stage, vpcs ? [] : [await emptyAccount(box, stage)]);
  }

  /** Leaves the cloud running, and says how it is reached from another terminal. */
  async function play(box: Box, { operator }: Stage, others: readonly Other[]): Promise<void> {
    const deployed = Object.entries(parametersOf(box.network, vpcs)).map(([name, value]) => `--param ${name}=${value}`);
    console.log(`
${access(box)}
Its stack was deployed so: npx serverless deploy --stage ${STAGE} --region ${box.region} ${deployed.join(' ')}
The account ${SPOKE} beside it: --profile ${SPOKE}, for Serverless --aws-profile ${SPOKE}, and for ziti-glb --stack ${SPOKE_STACK} too
`);
    await playground(operator, process.stdin, process.stdout, others);
  }
}

/**
 * Packaging and building write into the checkout: one demo at a time has it. The name is in the kernel's hands, and goes
 * with the process.
 */
async function takeCheckout(): Promise<Server> {
  const server = createServer();
  // A digest, because such a name may have a hundred bytes, and a path more.
  const path = `\0ziti-glb demo in ${createHash('sha256')
    .update(import.meta.dirname)
    .digest('hex')}`;
  const taken = new Error('Another demo runs in this checkout. End it, or run this one in another clone.');
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'EADDRINUSE' ? taken : error));
    server.listen(path, resolve);
  });
  return server;
}

/** Shows a piece of work while it runs, and what was seen when it is done. */
async function show(title: string, work: (say: (line: string) => void) => Promise<string>): Promise<void> {
  const task = async (_: unknown, line: { title: string; output: string }) => {
    const say = (text: string) => {
      const shown = plain(text);
      if (line.output !== shown) line.output = shown;
    };
    // A step that is interrupted ends at once, and with it what keeps the terminal for itself.
    line.title = `${title}\n  → ${plain(await Promise.race([work(say), interrupted(interrupt.signal)]))}`;
  };
  await new Listr([{ title, task, rendererOptions: { outputBar: 1 } }], {
    registerSignalListeners: false,
    rendererOptions: { showErrorMessage: false },
  }).run();
}

/** The AWS command line is to be told this, in another terminal. */
function access({ endpoint, region }: Box): string {
  const file = credentialsFile(endpoint);
  return `For the AWS command line: export AWS_ENDPOINT_URL=${endpoint} AWS_DEFAULT_REGION=${region} AWS_SHARED_CREDENTIALS_FILE=${file}`;
}

/** CloudWatch takes metrics from lines of the log; a person has no use for them there. */
const isMetrics = (line: string) => line.startsWith('{"_aws"');

/** A function's log line as a person reads it: when, who, what. */
function readable(source: string, line: string): string {
  try {
    const { timestamp, level, message } = JSON.parse(line);
    return plain(`${timestamp.slice(11, 19)} ${source} ${level} ${message}`);
  } catch {
    return plain(`${source} ${line}`);
  }
}

/** An account that has no router, and what the stack is deployed with to serve it, and all VPCs of its own. */
const SPOKE = '222233334444';
const SPOKE_STACK = `ziti-glb-spoke-${STAGE}`;
const REACHING = { reply: 'geneve', clientVpcs: 'all', spokeAccounts: SPOKE };

/** Parameters that the box's stack is deployed with. */
const parametersOf = ({ vpcId, subnetIds }: Pick<Box['network'], 'vpcId' | 'subnetIds'>, vpcs: boolean) => ({
  ...{ vpcId, subnetIds, routerSubnets: subnetIds },
  ...(vpcs && REACHING),
});

/** An account with a VPC, a subnet and a client, and no stack: for a person to set up a spoke there. */
async function emptyAccount({ endpoint, region, inAccount }: Box, { operator }: Stage): Promise<Other> {
  let tenant: Tenant | undefined;
  await show(`Make account ${SPOKE}, with a VPC of the same addresses and no spoke`, async () => {
    const vpc = await sameAddresses(operator, 'app-d', 'client-d');
    const { credentials } = inAccount(SPOKE);
    tenant = await openVpc(new EC2Client({ endpoint, region, credentials }), operator.fabric, vpc);
    return `${tenant.vpcId} with app-d ${vpc.subnet.cidr}, in it client-d ${vpc.client.address}`;
  });
  if (!tenant) throw new Error(`account ${SPOKE} was not made`);
  return { where: `account ${SPOKE}`, tenant };
}

/** Where there are clients with the address of one in the routers' VPC. */
function elsewhere({ account, endpoint, region, stack, inAccount }: Box, { operator }: Stage): Elsewhere[] {
  const hub = {
    hubService: `com.amazonaws.vpce.${region}.${stack.outputs.EndpointService}`,
    hubHealth: String(stack.outputs.HealthFunction),
  };
  return [
    { where: 'another VPC', account, open: (vpc) => openVpc(operator.ec2, operator.fabric, vpc) },
    {
      where: `account ${SPOKE}`,
      account: SPOKE,
      async open(vpc) {
        const { deploy, credentials } = inAccount(SPOKE);
        await deploy(await packageStack(region, hub, { config: 'spoke.yml', signal: interrupt.signal }));
        return openVpc(new EC2Client({ endpoint, region, credentials }), operator.fabric, vpc);
      },
    },
  ];
}

function operatorOf(
  { endpoint, credentials, region, network, stack, fabric }: Box,
  packets: NamespaceFabric | undefined,
) {
  const targetGroup = stack.resources.get('TargetGroup')?.made.ref;
  return createOperator({
    endpoint,
    credentials,
    region,
    vpcId: network.vpcId,
    targetGroupArn: String(targetGroup),
    routerSubnetIds: network.subnetIds.split(','),
    fabric,
    packets,
  });
}

/** Says what went wrong, after what the functions said before. */
function complain(error: unknown): void {
  if (log.length > 0) console.error(`\nThe functions' last words:\n${log.slice(-15).join('\n')}`);
  console.error(`\n${plainLines(error instanceof Error ? error.message : String(error))}`);
}

const isPortTaken = (cause: unknown) => cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';

function options(): { keep: boolean; port: number; vpcs: boolean; ziti: string | undefined } {
  const { values } = parseArgs({
    options: {
      keep: { type: 'boolean', default: false },
      port: { type: 'string', default: String(PORT) },
      vpcs: { type: 'boolean', default: false },
      ziti: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false, short: 'h' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error(`--port ${values.port} is not a port\n\n${USAGE}`);
  return { keep: values.keep, port, vpcs: values.vpcs, ziti: values.ziti ? findZiti() : undefined };
}

try {
  await main();
  process.exit();
} catch (error) {
  // A signal that came while a program was waited for is heard only now; of what it ended there is nothing to say.
  await setImmediate();
  if (interrupt.signal.aborted) {
    console.error(`\nInterrupted by ${interrupt.signal.reason.message}; everything is taken down.`);
    process.exit(130);
  }
  complain(error);
  if (error instanceof Error && isPortTaken(error.cause)) console.error('Or take another: npm run demo -- --port N');
  process.exit(1);
}
