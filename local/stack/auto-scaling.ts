import type { AutoScaling } from '@aws-sdk/client-auto-scaling';
import type { EC2 } from '@aws-sdk/client-ec2';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import {
  document,
  flag,
  integer,
  type ResourceType,
  refuseChange,
  resourceType,
  text,
  until,
} from './resource-type.ts';

const hook = {
  LifecycleHookName: text.optional(),
  LifecycleTransition: text,
  DefaultResult: text.optional(),
  HeartbeatTimeout: integer.optional(),
  NotificationMetadata: text.optional(),
};

const group = z.strictObject({
  AutoScalingGroupName: text.optional(),
  MinSize: integer,
  MaxSize: integer,
  DesiredCapacity: integer.optional(),
  VPCZoneIdentifier: z.array(text),
  LaunchTemplate: z.strictObject({ LaunchTemplateId: text, Version: text }),
  LifecycleHookSpecificationList: z.array(z.strictObject({ ...hook, LifecycleHookName: text })).optional(),
  Tags: z.array(z.strictObject({ Key: text, Value: text, PropagateAtLaunch: flag })).optional(),
});

/** Auto Scaling groups launch instances by templates, and hooks hold these back. */
export function autoScalingTypes(scaling: AutoScaling, ec2: EC2, clock: Clock): Record<string, ResourceType> {
  return {
    'AWS::EC2::LaunchTemplate': resourceType(
      z.strictObject({ LaunchTemplateName: text.optional(), LaunchTemplateData: document }),
      ['LaunchTemplateId', 'LatestVersionNumber', 'DefaultVersionNumber'],
      async ({ LaunchTemplateName, LaunchTemplateData }, { physicalName }) => {
        const name = LaunchTemplateName ?? physicalName();
        const { LaunchTemplate } = await ec2.createLaunchTemplate({ LaunchTemplateName: name, LaunchTemplateData });
        const LaunchTemplateId = LaunchTemplate?.LaunchTemplateId ?? '';
        return {
          ref: LaunchTemplateId,
          attributes: { LaunchTemplateId, LatestVersionNumber: '1', DefaultVersionNumber: '1' },
          remove: () => ec2.deleteLaunchTemplate({ LaunchTemplateId }),
        };
      },
    ),

    'AWS::AutoScaling::AutoScalingGroup': resourceType(group, [], async (properties, { physicalName }) => {
      const { VPCZoneIdentifier, AutoScalingGroupName = physicalName(255), ...rest } = properties;
      await scaling.createAutoScalingGroup({
        ...rest,
        AutoScalingGroupName,
        VPCZoneIdentifier: VPCZoneIdentifier.join(','),
      });
      return {
        ref: AutoScalingGroupName,
        async update(changed) {
          refuseChange(properties, changed, ['MinSize', 'MaxSize', 'DesiredCapacity']);
          const { MinSize, MaxSize, DesiredCapacity } = changed;
          await scaling.updateAutoScalingGroup({ AutoScalingGroupName, MinSize, MaxSize, DesiredCapacity });
        },
        async remove() {
          const size = { MinSize: 0, MaxSize: 0, DesiredCapacity: 0 };
          await scaling.updateAutoScalingGroup({ AutoScalingGroupName, ...size });
          await until(clock, `${AutoScalingGroupName} empty`, async () => {
            const { AutoScalingGroups } = await scaling.describeAutoScalingGroups({
              AutoScalingGroupNames: [AutoScalingGroupName],
            });
            return AutoScalingGroups?.[0]?.Instances?.length === 0;
          });
          await scaling.deleteAutoScalingGroup({ AutoScalingGroupName });
        },
      };
    }),

    'AWS::AutoScaling::LifecycleHook': resourceType(
      z.strictObject({ AutoScalingGroupName: text, ...hook }),
      [],
      async (properties, { physicalName }) => {
        const { AutoScalingGroupName, LifecycleHookName = physicalName(255), ...rest } = properties;
        await scaling.putLifecycleHook({ AutoScalingGroupName, LifecycleHookName, ...rest });
        return {
          ref: LifecycleHookName,
          async update(changed) {
            refuseChange(properties, changed, ['DefaultResult', 'HeartbeatTimeout', 'NotificationMetadata']);
            await scaling.putLifecycleHook({ ...changed, AutoScalingGroupName, LifecycleHookName });
          },
          remove: () => scaling.deleteLifecycleHook({ AutoScalingGroupName, LifecycleHookName }),
        };
      },
    ),
  };
}
