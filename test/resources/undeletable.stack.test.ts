import { EC2 } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describePackaged } from '../support/packaged.ts';
import { type StackInBox, stackInBox } from '../support/stack.ts';

describePackaged('a stack', () => {
  let stack: StackInBox;
  beforeAll(async () => {
    stack = await stackInBox();
  });
  afterAll(() => stack?.box.close());

  test('lets a subnet go that somebody could not delete: that event alone tells', async () => {
    const { box, log, operator, until, routed } = stack;
    const { endpoint, region, credentials } = box;
    const client = new EC2({ endpoint, region, credentials });
    await operator.launch('router-1', 0);
    await until('healthy router', async () => [...(await operator.health()).values()].includes('healthy'));
    // Nothing but the endpoint is to stand in it, or the endpoint would stay.
    const VpcId = box.network.vpcId;
    const SubnetId = (await client.createSubnet({ VpcId, CidrBlock: '10.0.77.0/24' })).Subnet?.SubnetId ?? '';
    const { RouteTable } = await client.createRouteTable({ VpcId });
    await client.associateRouteTable({ RouteTableId: RouteTable?.RouteTableId, SubnetId });
    await client.createTags({ Resources: [SubnetId], Tags: [{ Key: 'ziti-glb', Value: '10.20.0.0/16' }] });
    await routed('10.20.0.0/16');
    await expect(client.deleteSubnet({ SubnetId })).rejects.toMatchObject({ name: 'DependencyViolation' });
    await until('end of the endpoint', async () => (await operator.endpoints()).length === 0);
    expect(log.some((line) => line.includes('"cause":"DeleteSubnet Client.DependencyViolation"'))).toBe(true);
    await client.deleteSubnet({ SubnetId });
    client.destroy();
  });
});
