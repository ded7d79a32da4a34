import { AutoScaling } from '@aws-sdk/client-auto-scaling';
import { EC2 } from '@aws-sdk/client-ec2';
import { IMAGES } from '../../local/box.ts';
import { namespaceFabric } from '../../local/fabric/namespaces.ts';
import { packaged } from './packaged.ts';
import { stackInBox } from './stack.ts';

export const GROUP = { AutoScalingGroupName: 'routers' };

/**
 * Packets flow through this stack: an Auto Scaling group of two routers with our hooks, and the first client's subnet opted in.
 * @param most routers that the group can have
 * @param parameters of the stack, by the subnets that its routers stand in
 */
export async function routerGroup(
  rate: number,
  most: number,
  parameters: (subnetIds: string) => Record<string, string>,
) {
  const stack = await stackInBox({
    rate,
    fabric: (services) => namespaceFabric({ images: IMAGES, services }),
    packaged: ({ vpcId, subnetIds }) => packaged({ parameters: { vpcId, subnetIds, ...parameters(subnetIds) } }),
  });
  const { box, operator } = stack;
  const place = { endpoint: box.endpoint, region: box.region, credentials: box.credentials };
  const [autoScaling, ec2] = [new AutoScaling(place), new EC2(place)];
  await ec2.createLaunchTemplate({ LaunchTemplateName: 'router', LaunchTemplateData: { ImageId: 'ami-router' } });
  const hook = (LifecycleHookName: string, transition: string, DefaultResult: string) => ({
    LifecycleHookName,
    LifecycleTransition: `autoscaling:EC2_INSTANCE_${transition}`,
    HeartbeatTimeout: 300,
    DefaultResult,
  });
  await autoScaling.createAutoScalingGroup({
    ...GROUP,
    ...{ MinSize: 0, MaxSize: most, DesiredCapacity: 2 },
    LaunchTemplate: { LaunchTemplateName: 'router' },
    VPCZoneIdentifier: box.network.subnetIds,
    Tags: [{ Key: 'ziti-glb', Value: 'router', PropagateAtLaunch: true }],
    LifecycleHookSpecificationList: [
      hook('ziti-glb-launch', 'LAUNCHING', 'ABANDON'),
      hook('ziti-glb-terminate', 'TERMINATING', 'CONTINUE'),
    ],
  });
  await operator.tag('app-a', '10.20.0.0/16');
  return { stack, autoScaling, ec2 };
}
