import { CreateSubnetCommand, CreateVpcCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { explained } from '../../resources/failed-deployment.js';
import { describePackaged, packaged } from '../support/packaged.ts';
import { type StackInBox, stackInBox } from '../support/stack.ts';

describePackaged('two stacks', () => {
  let stack: StackInBox;
  beforeAll(async () => {
    stack = await stackInBox();
  });
  afterAll(() => stack?.box.close());

  test('in one account, region and VPC do not touch each other', async () => {
    const { box, operator, until, routed, log } = stack;
    const { vpcId, subnetIds } = box.network;
    const other = await box.deploy(packaged({ stage: 'other', parameters: { vpcId, subnetIds, tagKey: 'other' } }));
    const ref = (id: string) => [box.stack, other].map(({ resources }) => resources.get(id)?.made.ref);
    for (const [logicalId] of other.resources) expect(new Set(ref(logicalId)).size).toBe(2);
    // A third stack with the tag of the first would undo what that does.
    await expect(box.deploy(packaged({ stage: 'third', parameters: { vpcId, subnetIds } }))).rejects.toThrow(
      `/ziti-glb/${vpcId}/ziti-glb already exists`,
    );

    await operator.launch('router-1', 0);
    await until('healthy router', async () => [...(await operator.health()).values()].includes('healthy'));
    await operator.tag('app-a', '10.20.0.0/16');
    await routed('10.20.0.0/16');
    const [endpoint] = await operator.endpoints();
    const routes = await operator.endpointRoutes();
    expect(endpoint?.Tags).toContainEqual({ Key: 'ziti-glb:stack', Value: 'ziti-glb-test' });

    // The other stack has no router: it opts nothing in, and has nothing to do with what the first one has made.
    log.splice(0);
    await until('look of the other', () =>
      log.some((line) => line.startsWith('ziti-glb-other-subnets:') && line.includes('in order')),
    );
    await box.remove(other);
    expect(await operator.endpoints()).toEqual([endpoint]);
    expect(await operator.endpointRoutes()).toEqual(routes);
    expect([...(await operator.health()).values()]).toEqual(['healthy']);
    log.splice(0);
    await until('look of the first', () =>
      log.some((line) => line.startsWith('ziti-glb-test-subnets:') && line.includes('in order')),
    );
  });

  test('of an account that serve VPCs without routers by one tag are not both deployed, and one leaves alone what another has claimed', async () => {
    const { box, until, log, operator } = stack;
    // Routers of another account are nothing to this stack, whatever becomes of them.
    const hubService = `com.amazonaws.vpce.${box.region}.vpce-svc-0123456789abcdef0`;
    const hubHealth = `arn:aws:lambda:${box.region}:222233334444:function:ziti-glb-dev-health`;
    const spoke = { parameters: { hubService, hubHealth }, config: 'spoke.yml' };
    const first = await box.deploy(packaged(spoke));
    await until('word that the VPC of the stack with routers is that one’s', () =>
      log.some(
        (line) =>
          line.startsWith('ziti-glb-spoke-test-subnets:') &&
          line.includes(`${box.network.vpcId}: the stack ziti-glb-test opts its subnets in by the tag ziti-glb`),
      ),
    );

    const refusal = /\/ziti-glb\/clients\/ziti-glb already exists/;
    await expect(box.deploy(packaged({ ...spoke, stage: 'other' }))).rejects.toThrow(refusal);
    const { Vpc } = await operator.ec2.send(new CreateVpcCommand({ CidrBlock: '10.9.0.0/16' }));
    const vpcId = String(Vpc?.VpcId);
    const { Subnet } = await operator.ec2.send(new CreateSubnetCommand({ VpcId: vpcId, CidrBlock: '10.9.0.0/24' }));
    const reaching = { vpcId, subnetIds: String(Subnet?.SubnetId), reply: 'geneve', clientVpcs: 'all' };
    const hub = box.deploy(packaged({ stage: 'reaching', parameters: reaching }));
    await expect(hub).rejects.toThrow(refusal);
    await hub.catch((error) =>
      expect(explained(String(error))).toMatch(
        /VPCs that have no routers are served by another stack .* for the tag ziti-glb, .*--name \/ziti-glb\/clients\/ziti-glb\. Deploy this one with another tagKey/,
      ),
    );
    await box.remove(first);
  });
});
