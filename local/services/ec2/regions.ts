import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { describe } from './describe.ts';
import type { Ec2 } from './find.ts';

/** EC2 tells of one region, and of its availability zones. */
export function regions(cloud: CloudContext) {
  return {
    DescribeRegions({ RegionNames, Filters }) {
      const unknown = RegionNames?.find((name) => name !== cloud.region);
      if (unknown) throw new AwsError('InvalidParameterValue', `Invalid region name : [${unknown}]`);
      const regions = new Map([[cloud.region, { id: cloud.region }]]);
      const endpoint = `ec2.${cloud.region}.amazonaws.com`;
      const { page } = describe(cloud, regions, {
        kind: 'vpc',
        query: { Filters },
        by: { 'region-name': ({ id }) => id, endpoint: () => endpoint, 'opt-in-status': () => 'opt-in-not-required' },
      });
      return {
        Regions: page.map(({ id }) => ({ RegionName: id, Endpoint: endpoint, OptInStatus: 'opt-in-not-required' })),
      };
    },

    DescribeAvailabilityZones({ ZoneNames, ZoneIds, Filters }) {
      const { page } = describe(cloud, new Map(cloud.zones.map((zone) => [zone.name, zone])), {
        kind: 'subnet',
        query: { Filters },
        by: {
          'zone-name': ({ name }) => name,
          'zone-id': ({ id }) => id,
          'zone-type': () => 'availability-zone',
          'region-name': () => cloud.region,
          'group-name': () => cloud.region,
          'opt-in-status': () => 'opt-in-not-required',
          state: () => 'available',
        },
      });
      const wanted = page.filter(
        ({ name, id }) => (!ZoneNames || ZoneNames.includes(name)) && (!ZoneIds || ZoneIds.includes(id)),
      );
      return {
        AvailabilityZones: wanted.map(({ name, id }) => ({
          ZoneName: name,
          ZoneId: id,
          State: 'available',
          RegionName: cloud.region,
          ZoneType: 'availability-zone',
          OptInStatus: 'opt-in-not-required',
          GroupName: cloud.region,
          NetworkBorderGroup: cloud.region,
        })),
      };
    },
  } satisfies Ec2;
}
