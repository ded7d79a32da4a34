import { CreateTagsCommand, CreateVpcCommand } from '@aws-sdk/client-ec2';
import { act } from '../../../shared/subnets/act.ts';
import { observe } from '../../../shared/subnets/observe.ts';
import { planVpcs } from '../../../shared/subnets/plan.ts';
import { given, testSubnet, testTable } from '../../support/cloud.ts';
import type { Stage } from './stage.ts';

/** VPCs of the same addresses, in each so many tagged subnets over two zones, each with a table of its own. */
export async function manyVpcs({ cloud }: Pick<Stage, 'cloud'>, vpcs: number, each: number, tagValue: string) {
  // All calls of a kind at once: the box makes its network anew for each that is alone.
  const made = await times(vpcs, async () => {
    const { Vpc } = await cloud.ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
    return given(Vpc?.VpcId);
  });
  const subnets = await times(vpcs * each, async (count) => {
    const [vpc, index] = [given(made[Math.floor(count / each)]), count % each];
    const cidr = `10.0.${Math.floor(index / 16)}.${(index % 16) * 16}/28`;
    const id = await testSubnet(cloud, vpc, cidr, index % 2 ? 'b' : 'a');
    await testTable(cloud, vpc, id);
    await cloud.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'ziti-glb', Value: tagValue }] }));
    return id;
  });
  return made.map((vpc, index) => ({ vpc, subnets: subnets.slice(index * each, (index + 1) * each) }));
}

const times = <T>(count: number, make: (index: number) => Promise<T>) =>
  Promise.all([...Array(count).keys()].map(make));

/** Does what the functions would, as if AWS let all of it be done at once: hours of the cloud's time would be spent on thousands of endpoints. */
export async function settleAtOnce({ cloud, settings, seal }: Stage): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    const sealed = await seal();
    const look = await observe(cloud, settings, sealed, cloud.clock.now());
    const { steps, conditions } = planVpcs(look, new Map(), settings);
    if (steps.length === 0 && !conditions.some(({ kind }) => kind === 'waiting')) return;
    await Promise.all(steps.map((step) => act(cloud.ec2, settings, sealed, step)));
    await cloud.clock.run(300_000);
  }
  throw new Error('it does not come to rest');
}
