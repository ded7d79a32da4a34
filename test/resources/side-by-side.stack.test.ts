import { afterAll, beforeAll, expect, test } from '@jest/globals';
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
    // A third one with the tag of the first would undo what that does.
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

    // The other has no router: it opts nothing in, and has nothing to do with what the first one has made.
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
});
