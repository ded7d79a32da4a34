import { EC2 } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { refuseRemovalInUse } from '../../resources/removal.js';
import { describePackaged } from '../support/packaged.ts';
import { serverless } from '../support/serverless.ts';
import { type StackInBox, stackInBox } from '../support/stack.ts';

describePackaged('a stack', () => {
  let stack: StackInBox;
  let configuration: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  beforeAll(async () => {
    stack = await stackInBox();
    const { endpoint, region, credentials } = stack.box;
    configuration = { endpoint, region, credentials };
  });
  afterAll(() => stack?.box.close());

  test('is not removed while endpoints live, and says which; then it is, and nothing is left', async () => {
    const { box, operator, until, routed } = stack;
    const ec2 = new EC2(configuration);
    const refusal = () =>
      refuseRemovalInUse(configuration, box.stack.name).then(
        () => undefined,
        (error: Error) => error.message,
      );
    expect(await refusal()).toBeUndefined();

    await operator.launch('router-1', 0);
    await until('healthy router', async () => [...(await operator.health()).values()].includes('healthy'));
    await operator.tag('app-a', '10.20.0.0/16');
    await routed('10.20.0.0/16');
    const [own] = await operator.endpoints();
    // Somebody else has connected an endpoint to the service by hand.
    const { Subnets } = await ec2.describeSubnets({ Filters: [{ Name: 'tag:Name', Values: ['app-b'] }] });
    const { VpcEndpoint } = await ec2.createVpcEndpoint({
      VpcEndpointType: 'GatewayLoadBalancer',
      VpcId: box.network.vpcId,
      SubnetIds: [Subnets?.[0]?.SubnetId ?? ''],
      ServiceName: own?.ServiceName,
    });
    const foreign = VpcEndpoint?.VpcEndpointId ?? '';

    const hand = `  ${foreign} of account ${box.account} (pendingAcceptance)`;
    const service = box.stack.resources.get('EndpointService')?.made;
    const reject = `Let the other accounts delete theirs, or reject them: aws ec2 reject-vpc-endpoint-connections --region ${box.region} --service-id ${service?.ref} --vpc-endpoint-ids ${foreign}`;
    expect(
      await refusal(),
    ).toBe(`ziti-glb-test is in use, and AWS does not remove an endpoint service that has endpoints:
  ${own?.VpcEndpointId} in ${own?.SubnetIds?.[0]} (available)
${hand}
Take the subnets out first: npm run -s ziti-glb -- drain --stack ziti-glb-test --region ${box.region}
${reject}`);
    // The command has none of the parameters that the stack was deployed with.
    const { code, stdout, stderr } = await serverless(['remove', '--stage', 'test', '--region', box.region], {
      AWS_ENDPOINT_URL: box.endpoint,
      ...{ AWS_ACCESS_KEY_ID: box.credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: box.credentials.secretAccessKey },
    });
    expect([code, stdout + stderr]).toEqual([1, expect.stringContaining('ziti-glb-test is in use, and AWS does not')]);
    // AWS would stop half-way, were it tried all the same.
    await expect(service?.remove()).rejects.toThrow(/has existing active VPC Endpoint connections/);

    await operator.untag('app-a');
    await until('end of the endpoint', async () =>
      (await operator.endpoints()).every(({ VpcEndpointId }) => VpcEndpointId === foreign),
    );
    expect(
      await refusal(),
    ).toBe(`ziti-glb-test is in use, and AWS does not remove an endpoint service that has endpoints:
${hand}
${reject}`);
    await ec2.deleteVpcEndpoints({ VpcEndpointIds: [foreign] });
    await until('end of the other endpoint', async () => (await refusal()) === undefined);

    await box.remove(box.stack);
    const elb = new ElasticLoadBalancingV2(configuration);
    expect((await elb.describeLoadBalancers()).LoadBalancers).toEqual([]);
    expect((await elb.describeTargetGroups()).TargetGroups).toEqual([]);
    expect((await ec2.describeVpcEndpointServiceConfigurations()).ServiceConfigurations).toEqual([]);
    expect([...box.roles.keys()]).toEqual([]);
    expect(box.queues()).toEqual({});
  });
});
