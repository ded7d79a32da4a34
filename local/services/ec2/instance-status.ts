import type { Filter } from '@aws-sdk/client-ec2';
import type { CloudContext } from '../context.ts';
import { zoneName } from '../zones.ts';
import { describe } from './describe.ts';
import type { Ec2 } from './find.ts';
import { instanceFilters, STATE_CODES, subnetOf } from './instance-filters.ts';
import type { Instance } from './records.ts';

/** EC2 checks the status of instances that run. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html */
export function instanceStatus(cloud: CloudContext) {
  return {
    /** DescribeInstanceStatus tells of instances that run, or with `IncludeAllInstances` of all. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html */
    DescribeInstanceStatus({ InstanceIds, IncludeAllInstances, Filters, ...paging }) {
      const running: Filter = { Name: 'instance-state-name', Values: ['running'] };
      const checks = (of: Instance) => (of.state === 'running' ? 'ok' : 'not-applicable');
      const reachability = (of: Instance) => (of.state === 'running' ? 'passed' : undefined);
      const own = instanceFilters(cloud);
      const { page, ...next } = describe(cloud, cloud.instances, {
        kind: 'instance',
        ids: InstanceIds,
        query: { ...paging, Filters: [...(Filters ?? []), ...(IncludeAllInstances ? [] : [running])] },
        by: {
          'availability-zone': own['availability-zone'],
          'instance-state-name': own['instance-state-name'],
          'instance-state-code': own['instance-state-code'],
          'instance-status.status': checks,
          'instance-status.reachability': reachability,
          'system-status.status': checks,
          'system-status.reachability': reachability,
        },
      });
      return {
        InstanceStatuses: page.map((instance) => {
          const status = {
            Status: checks(instance) as 'ok' | 'not-applicable',
            Details: instance.state === 'running' ? [{ Name: 'reachability' as const, Status: 'passed' as const }] : [],
          };
          return {
            InstanceId: instance.id,
            AvailabilityZone: zoneName(cloud, subnetOf(cloud, instance)?.zone ?? ''),
            InstanceState: { Code: STATE_CODES[instance.state], Name: instance.state },
            InstanceStatus: status,
            SystemStatus: status,
          };
        }),
        ...next,
      };
    },
  } satisfies Ec2;
}
