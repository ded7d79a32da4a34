import { paginateDescribeVpcs, type Vpc } from '@aws-sdk/client-ec2';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { code } from '../../shared/aws/errors.ts';
import { collect, tag } from '../../shared/aws/read.ts';
import { setTag, unsetTag } from '../../shared/aws/tags.ts';
import { formatPause, pauseOf } from '../../shared/pause.ts';
import { pauseSentence } from '../../shared/sentences.ts';
import { type Command, EXIT, UsageError } from '../command.ts';
import { type Deployed, functionsOf, hasRouters, see } from '../deployed.ts';
import { explain } from '../person.ts';
import { RESUME } from '../standing.ts';

/** A tag's value has 256 characters, and the time stands in it too. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions */
const LONGEST_WHY = 200;

export const pause: Command = {
  args: ['[why]'],
  summary: 'have the functions change nothing, until resume',
  options: {},
  check({ args: [why = ''] }) {
    if (why.length > LONGEST_WHY || /[^\p{L}\p{Z}\p{N}_.:/=+@-]/u.test(why))
      throw new UsageError(
        `the reason goes into a tag, which takes ${LONGEST_WHY} letters, digits, spaces and _.:/=+@- here, and not: ${why}`,
      );
  },
  async run({ args: [why = ''], stack, terminal }) {
    const { pauseKey } = stack.config.subnets;
    const vpcs = await read(stack);
    const present = pauseOf(vpcs, stack.config.subnets);
    if (present) {
      terminal.out(`${stack.name} is ${pauseSentence(present)}. Nothing was changed.`);
      return EXIT.ok;
    }
    const ids = idsOf(vpcs);
    if (ids.length === 0) throw new Error(`${stack.name} has no VPC to look after: there is nothing to pause`);
    const value = formatPause(why, stack.now());
    const refused = await ofEach(ids, (some) => setTag(stack.clients.ec2, some, pauseKey, value));
    const tagged = ids.filter((id) => !refused.has(id));
    if (tagged.length === 0) throw refused.get(ids[0] ?? '');
    for (const [id, error] of refused)
      terminal.err(`${id} could not be tagged, and another one is enough. ${explain(error)}`);
    terminal.out(
      `${stack.name} is paused, by the tag ${pauseKey} of ${tagged.length > 3 ? `${tagged.length} VPCs` : tagged.join(', ')}: from the next look on, in some seconds, its functions change nothing. To go on: ${RESUME} --stack ${stack.name}`,
    );
    return EXIT.ok;
  },
};

export const resume: Command = {
  args: [],
  summary: 'end a pause, and have the functions look at once',
  options: {},
  async run({ stack, terminal }) {
    const { pauseKey } = stack.config.subnets;
    const vpcs = (await read(stack)).filter(({ Tags }) => tag(Tags, pauseKey) !== undefined);
    const present = pauseOf(vpcs, stack.config.subnets);
    if (!present) {
      terminal.out(`${stack.name} is not paused. Nothing was changed.`);
      return EXIT.ok;
    }
    const ids = idsOf(vpcs);
    const refused = await ofEach(ids, (some) => unsetTag(stack.clients.ec2, some, pauseKey));
    for (const error of refused.values()) if (code(error) !== GONE) throw error;
    terminal.out(`${stack.name} goes on. It was ${pauseSentence(present)}.`);
    try {
      await Promise.all(functionsOf(stack).map((suffix) => wake(stack, `${stack.name}-${suffix}`, ids)));
    } catch (error) {
      terminal.err(`Its functions look within the minute, for they could not be woken. ${explain(error)}`);
    }
    return EXIT.ok;
  },
};

/** VPCs by whose tag it is paused: the routers', or all of a spoke's, of which any will do and one may be deleted meanwhile. */
async function read(stack: Deployed): Promise<Vpc[]> {
  const { clients, config } = stack;
  const client = { client: clients.ec2 };
  if (hasRouters(stack)) return collect(paginateDescribeVpcs(client, { VpcIds: [stack.config.subnets.vpcId] }), 'Vpcs');
  const { account } = config.subnets;
  const { subnets } = await see(stack);
  // Those that it looks after, and no other of the account: the tag would pause whose they are.
  const own = new Set(subnets.vpcs.map(({ vpcId }) => vpcId));
  const vpcs = await collect(paginateDescribeVpcs(client, {}), 'Vpcs');
  return vpcs.filter(({ VpcId = '', OwnerId = account }) => own.has(VpcId) && OwnerId === account);
}

const GONE = 'InvalidVpcID.NotFound';

/**
 * EC2 refuses all of a call for one VPC that has 50 tags, or is deleted meanwhile: then each is asked for by itself.
 * Resolves to what was refused, by VPC.
 */
async function ofEach(ids: string[], send: (ids: string[]) => Promise<unknown>): Promise<Map<string, unknown>> {
  const refused = new Map<string, unknown>();
  try {
    await send(ids);
  } catch (error) {
    if (![GONE, 'TagLimitExceeded'].includes(code(error))) throw error;
    for (const id of ids) await send([id]).catch((each) => refused.set(id, each));
  }
  return refused;
}

const idsOf = (vpcs: readonly Vpc[]) => vpcs.flatMap(({ VpcId }) => VpcId ?? []);

/** EventBridge would tell a function of the tag so: https://docs.aws.amazon.com/tag-editor/latest/userguide/tag-changes-monitoring.html */
async function wake({ clients, config, now }: Deployed, FunctionName: string, resources: string[]): Promise<void> {
  const event = {
    time: new Date(now()).toISOString(),
    'detail-type': 'Tag Change on Resource',
    resources,
    detail: { 'changed-tag-keys': [config.subnets.pauseKey] },
  };
  await clients.lambda.send(
    new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: JSON.stringify(event) }),
  );
}
