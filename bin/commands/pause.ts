import { CreateTagsCommand, DeleteTagsCommand, DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { formatPause, type Pause, pauseSentence, readPause } from '../../shared/pause.ts';
import { type Command, EXIT, UsageError } from '../command.ts';
import type { Deployed } from '../deployed.ts';
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
    const { vpcId, pauseKey } = stack.config.subnets;
    const present = await read(stack);
    if (present) {
      terminal.out(`${stack.name} is ${pauseSentence(present)}. Nothing was changed.`);
      return EXIT.ok;
    }
    const Tags = [{ Key: pauseKey, Value: formatPause(why, stack.now()) }];
    await stack.clients.ec2.send(new CreateTagsCommand({ Resources: [vpcId], Tags }));
    terminal.out(
      `${stack.name} is paused, by the tag ${pauseKey} of ${vpcId}: from the next look on, in some seconds, its functions change nothing. To go on: ${RESUME} --stack ${stack.name}`,
    );
    return EXIT.ok;
  },
};

export const resume: Command = {
  args: [],
  summary: 'end a pause, and have the functions look at once',
  options: {},
  async run({ stack, terminal }) {
    const { vpcId, pauseKey } = stack.config.subnets;
    const present = await read(stack);
    if (!present) {
      terminal.out(`${stack.name} is not paused. Nothing was changed.`);
      return EXIT.ok;
    }
    const untag = new DeleteTagsCommand({ Resources: [vpcId], Tags: [{ Key: pauseKey }] });
    await stack.clients.ec2.send(untag);
    terminal.out(`${stack.name} goes on. It was ${pauseSentence(present)}.`);
    try {
      await Promise.all(['routers', 'subnets'].map((suffix) => wake(stack, `${stack.name}-${suffix}`)));
    } catch (error) {
      terminal.err(`Its functions look within the minute, for they could not be woken. ${explain(error)}`);
    }
    return EXIT.ok;
  },
};

async function read({ clients, config }: Deployed): Promise<Pause | undefined> {
  const { Vpcs } = await clients.ec2.send(new DescribeVpcsCommand({ VpcIds: [config.subnets.vpcId] }));
  return readPause(Vpcs?.[0]?.Tags, config.subnets);
}

/** As EventBridge would tell a function of the tag: https://docs.aws.amazon.com/tag-editor/latest/userguide/tag-changes-monitoring.html */
async function wake({ clients, config, now }: Deployed, FunctionName: string): Promise<void> {
  const event = {
    time: new Date(now()).toISOString(),
    'detail-type': 'Tag Change on Resource',
    resources: [config.subnets.vpcId],
    detail: { 'changed-tag-keys': [config.subnets.pauseKey] },
  };
  await clients.lambda.send(
    new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: JSON.stringify(event) }),
  );
}
