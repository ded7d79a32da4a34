import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { isIpv6, normalCidr } from './cidr.ts';
import { describe } from './describe.ts';
import { arnOf, type Ec2, find } from './find.ts';
import type { PrefixList } from './records.ts';
import { refuseOtherTags, tagList, tagsAtCreation } from './tags.ts';

/** Prefix lists that an account keeps itself. https://docs.aws.amazon.com/vpc/latest/userguide/managed-prefix-lists.html */
export function prefixLists(cloud: CloudContext) {
  return {
    CreateManagedPrefixList({
      PrefixListName: name,
      MaxEntries: maxEntries,
      AddressFamily,
      Entries,
      TagSpecifications,
    }) {
      refuseOtherTags(['prefixList'], TagSpecifications);
      const tags = tagsAtCreation('prefixList', TagSpecifications);
      if (AddressFamily !== 'IPv4' && AddressFamily !== 'IPv6')
        throw new AwsError('InvalidParameterValue', `The address family ${AddressFamily} is invalid.`);
      const entries = (Entries ?? []).map(({ Cidr = '' }) => {
        const cidr = normalCidr(Cidr);
        if (!cidr || isIpv6(cidr) !== (AddressFamily === 'IPv6'))
          throw new AwsError('InvalidParameterValue', `The CIDR (${Cidr}) is invalid.`);
        return cidr;
      });
      if (maxEntries === undefined || entries.length > maxEntries)
        throw new AwsError('InvalidParameterValue', 'The maximum number of entries is missing or too small.');
      const list: PrefixList = { id: cloud.id('pl'), name, family: AddressFamily, maxEntries, entries };
      cloud.prefixLists.set(list.id, list);
      cloud.tags.set(list.id, tags);
      return { PrefixList: shape(list) };
    },

    DescribeManagedPrefixLists({ PrefixListIds, ...query }) {
      const { page, ...next } = describe(cloud, cloud.prefixLists, {
        kind: 'prefixList',
        ids: PrefixListIds,
        query,
        maxResults: 100,
        by: { 'prefix-list-id': ({ id }) => id, 'prefix-list-name': ({ name }) => name },
      });
      return { PrefixLists: page.map(shape), ...next };
    },

    GetManagedPrefixListEntries({ PrefixListId }) {
      const { entries } = find(cloud.prefixLists, 'prefixList', PrefixListId);
      return { Entries: entries.map((Cidr) => ({ Cidr })) };
    },
  } satisfies Ec2;

  function shape({ id, name, family, maxEntries }: PrefixList) {
    return {
      PrefixListId: id,
      PrefixListArn: arnOf(cloud, 'prefixList', id),
      PrefixListName: name,
      AddressFamily: family,
      MaxEntries: maxEntries,
      State: 'create-complete' as const,
      Version: 1,
      OwnerId: cloud.account,
      Tags: tagList(cloud, id),
    };
  }
}
