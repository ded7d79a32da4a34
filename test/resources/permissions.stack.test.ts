import { AutoScaling } from '@aws-sdk/client-auto-scaling';
import { EC2 } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { Lambda } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Fabric } from '../../local/fabric/fabric.ts';
import { describePackaged, packaged } from '../support/packaged.ts';
import { downloading, type StackInBox, stackInBox } from '../support/stack.ts';

describePackaged('the roles of the stack', () => {
  let stack: StackInBox;
  let ec2: EC2;
  let scaling: AutoScaling;
  let lambda: Lambda;
  let elb: ElasticLoadBalancingV2;
  let dashboard: NodeJS.Timeout;
  /** Calls the topology function, which answers or says in its log why not. */
  const draw = (event: unknown) =>
    lambda.invoke({ FunctionName: 'ziti-glb-test-topology', Payload: JSON.stringify(event) });

  beforeAll(async () => {
    stack = await stackInBox({
      // The dashboard is drawn beside all else: a minute of the functions' is three seconds.
      rate: 20,
      packaged: ({ vpcId, subnetIds }) => packaged({ parameters: { vpcId, subnetIds, dnsRanges: 'true' } }),
      // A router has its diverter within a second: whoever looks once a second may never see one that waits for it.
      fabric: async ({ upstream }) => {
        const fabric = downloading(upstream);
        const exec: Fabric['exec'] = async (...call) => {
          await draw({});
          return fabric.exec(...call);
        };
        return { ...fabric, exec };
      },
    });
    const { endpoint, region, credentials } = stack.box;
    const client = { endpoint, region, credentials };
    ec2 = new EC2(client);
    scaling = new AutoScaling(client);
    lambda = new Lambda(client);
    elb = new ElasticLoadBalancingV2(client);
    // Someone has the dashboard open all the while.
    dashboard = setInterval(() => draw({}).catch(() => {}), 1000);
    await draw('no call of a dashboard');
  });
  afterAll(async () => {
    clearInterval(dashboard);
    for (const client of [lambda, scaling, elb, ec2]) client?.destroy();
    await stack?.box.close();
  });

  const AutoScalingGroupName = 'routers';
  const hook = (name: string) => ({
    LifecycleHookName: `ziti-glb-${name}`,
    LifecycleTransition: `autoscaling:EC2_INSTANCE_${name}`,
    HeartbeatTimeout: 900,
  });
  const members = async () => (await scaling.describeAutoScalingInstances()).AutoScalingInstances ?? [];

  const subnetNamed = async (name: string) => {
    const { Subnets } = await ec2.describeSubnets({ Filters: [{ Name: 'tag:Name', Values: [name] }] });
    return Subnets?.[0]?.SubnetId ?? '';
  };
  const tableOf = async (subnet: string) => {
    const Filters = [{ Name: 'association.subnet-id', Values: [await subnetNamed(subnet)] }];
    return (await ec2.describeRouteTables({ Filters })).RouteTables?.[0];
  };
  /** A route of a subnet's table leads to this. */
  const targetOf = async (subnet: string, destination: string) => {
    const routes = (await tableOf(subnet))?.Routes;
    const route = routes?.find(({ DestinationCidrBlock }) => DestinationCidrBlock === destination);
    return route?.GatewayId ?? route?.NetworkInterfaceId;
  };

  test('allow all that the functions do, and nothing that none of them does', async () => {
    const { box, operator, log, until, routed } = stack;

    // People launch routers by hand and by a group, whose hooks hold each one until it is healthy; one more stands by in a warm pool.
    await operator.launch('router-1', 0);
    await ec2.createLaunchTemplate({ LaunchTemplateName: 'router', LaunchTemplateData: { ImageId: 'ami-router' } });
    await scaling.createAutoScalingGroup({
      ...{ AutoScalingGroupName, MinSize: 0, MaxSize: 1, DesiredCapacity: 1 },
      VPCZoneIdentifier: box.network.subnetIds,
      LaunchTemplate: { LaunchTemplateName: 'router' },
      LifecycleHookSpecificationList: [hook('LAUNCHING'), hook('TERMINATING')],
      Tags: [{ Key: 'ziti-glb', Value: 'router', PropagateAtLaunch: true }],
    });
    const inState = (state: string) => async () =>
      (await members()).some(({ LifecycleState }) => LifecycleState === state);
    await until('router of the group in service', inState('InService'));
    await scaling.putWarmPool({ AutoScalingGroupName, MinSize: 1 });
    await until('router in the warm pool', inState('Warmed:Stopped'));

    // Two subnets are opted in by their tags, a third one over a route that somebody else has made.
    await operator.tag('app-a', '10.20.0.0/16');
    await operator.tag('app-b', 'default');
    const client = (await operator.instances()).find(({ name }) => name === 'client-c')?.NetworkInterfaces?.[0];
    const foreign = { DestinationCidrBlock: '10.40.0.0/16', NetworkInterfaceId: client?.NetworkInterfaceId };
    await ec2.createRoute({ RouteTableId: (await tableOf('app-c'))?.RouteTableId, ...foreign });
    await operator.tag('app-c', 'takeover 10.40.0.0/16');
    // A spoke asks.
    await lambda.invoke({ FunctionName: 'ziti-glb-test-health' });
    for (const destination of ['10.20.0.0/16', '100.64.0.0/10', '10.40.0.0/16']) await routed(destination);
    const tagged = ['app-a', 'app-b', 'app-c'];
    for (const name of tagged)
      await until(`status of ${name}`, async () => (await operator.status(name))?.startsWith('ready') === true);

    // The load balancer gets a node in a third zone.
    const { vpcId: VpcId, region } = box.network;
    const third = { VpcId, CidrBlock: '10.0.2.0/24', AvailabilityZone: `${region}c` };
    const { Subnet } = await ec2.createSubnet(third);
    const { LoadBalancers: [balancer] = [] } = await elb.describeLoadBalancers();
    await elb.setSubnets({
      LoadBalancerArn: balancer?.LoadBalancerArn,
      Subnets: [...box.network.subnetIds.split(','), Subnet?.SubnetId ?? ''],
    });
    const served = async () => (await ec2.describeVpcEndpointServiceConfigurations()).ServiceConfigurations?.[0];
    await until('service in the third zone', async () =>
      (await served())?.AvailabilityZones?.includes(third.AvailabilityZone),
    );

    // Somebody bends a route of ours: it leads to an endpoint of ours, but not to the one of its subnet.
    const [right, wrong] = [await targetOf('app-a', '10.20.0.0/16'), await targetOf('app-b', '100.64.0.0/10')];
    const route = { RouteTableId: (await tableOf('app-a'))?.RouteTableId, DestinationCidrBlock: '10.20.0.0/16' };
    await ec2.replaceRoute({ ...route, VpcEndpointId: wrong });
    await until('route as it was', async () => (await targetOf('app-a', '10.20.0.0/16')) === right);

    // Somebody deletes a subnet in vain; then all three are opted out, and what was taken over is given back.
    await expect(ec2.deleteSubnet({ SubnetId: await subnetNamed('app-b') })).rejects.toThrow('dependencies');
    // CloudTrail tells of it minutes later.
    const asks = ({ action }: { action: string }) => action === 'ec2:DescribeNetworkInterfaces';
    await until('look for clients in that subnet', () => !box.unusedAccess().some(asks));
    for (const name of tagged) await operator.untag(name);
    await until('end of all endpoints', async () => (await operator.endpoints()).length === 0);
    for (const name of tagged)
      await until(`end of the status of ${name}`, async () => (await operator.status(name)) === undefined);
    expect(await targetOf('app-c', '10.40.0.0/16')).toBe(foreign.NetworkInterfaceId);

    // One router is untagged, the others end with their group.
    await ec2.deleteTags({ Resources: [await operator.instanceId('router-1')], Tags: [{ Key: 'ziti-glb' }] });
    await scaling.deleteWarmPool({ AutoScalingGroupName });
    await scaling.setDesiredCapacity({ AutoScalingGroupName, DesiredCapacity: 0 });
    await until('empty target group', async () => (await operator.health()).size === 0);
    await until('empty group', async () => (await members()).length === 0);

    expect(log.filter((line) => /not authorized|UnauthorizedOperation|AccessDenied/.test(line))).toEqual([]);
    expect(box.unusedAccess()).toEqual([]);
  });
});
