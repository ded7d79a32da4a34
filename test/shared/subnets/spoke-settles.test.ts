import * as ec2 from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Fault } from '../../support/stage.ts';
import { CIDR, RESOLVER } from './fixtures.ts';
import { type Answering, SPOKE, type SpokeStage, spokeStage } from './spoke-stage.ts';

const from = <T>(...all: T[]) => fc.constantFrom(...all);
const faults = fc.array(from<Fault>('none', 'throttled', 'refused', 'lost reply', 'crash', 'stale'), { maxLength: 4 });

const deed = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: from('tag' as const), which: fc.nat(2), value: from(CIDR, '10.30.0.0/16') }),
  },
  fc.record({ do: from('untag' as const), which: fc.nat(2) }),
  fc.record({ do: from('name' as const), named: fc.boolean() }),
  fc.record({ do: from('permit' as const), allowed: fc.boolean() }),
  fc.record({ do: from('reject' as const), which: fc.nat(1) }),
  fc.record({ do: from('delete endpoint' as const), which: fc.nat(1) }),
  fc.record({
    do: from('hear' as const),
    how: from<Answering>('answers', 'refuses', 'fails', 'is late', 'babbles', 'is another hub’s'),
  }),
  fc.record({ do: from('health' as const), healthy: fc.boolean() }),
  fc.record({ do: from('restart' as const) }),
  fc.record({ do: from('wait' as const), ms: from(30_000, 600_000) }),
  { weight: 5, arbitrary: fc.record({ do: from('pass' as const), faults }) },
);
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never;

async function perform(here: SpokeStage, subnets: string[], now: Deed): Promise<void> {
  const endpointId = async (which: number) => (await here.farEndpoints())[which]?.VpcEndpointId;
  switch (now.do) {
    case 'tag':
      await here.tagFar(subnets[now.which] ?? '', now.value);
      return;
    case 'untag':
      await here.untagFar(subnets[now.which] ?? '');
      return;
    case 'name':
      here.settings.spokeAccounts = now.named ? [SPOKE] : [];
      return;
    case 'permit':
      await here.permit(now.allowed);
      return;
    case 'reject': {
      const VpcEndpointIds = [(await endpointId(now.which)) ?? 'vpce-0123456789abcdef0'];
      const ServiceId = here.service.serviceId;
      await here.cloud.ec2.send(new ec2.RejectVpcEndpointConnectionsCommand({ ServiceId, VpcEndpointIds }));
      return;
    }
    case 'delete endpoint': {
      const VpcEndpointIds = [(await endpointId(now.which)) ?? 'vpce-0123456789abcdef0'];
      await here.people.send(new ec2.DeleteVpcEndpointsCommand({ VpcEndpointIds }));
      return;
    }
    case 'hear':
      here.hear(now.how);
      return;
    case 'health':
      await here.heal(now.healthy);
      return;
    case 'restart':
      here.restart();
      return;
    case 'wait':
      await here.cloud.clock.run(now.ms);
      return;
    case 'pass':
      await here.both(now.faults);
  }
}

const RUNS = Number(process.env.RUNS ?? 10);

test(
  'from any state, once the hub names, permits and answers a spoke, both come to rest where its tags ask',
  async () => {
    const worlds = fc.record({
      deeds: fc.array(deed, { minLength: 3, maxLength: 25 }),
      withoutRouter: from<'keep' | 'withdraw'>('keep', 'withdraw'),
      crossZone: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(worlds, async ({ deeds, withoutRouter, crossZone }) => {
        const here = await spokeStage({ crossZone }, { withoutRouter });
        try {
          // In the zone that the hub serves two with a table of their own, and one where it has no node.
          const late = await here.farSubnet('10.0.77.0/24', 'a');
          const { RouteTable } = await here.people.send(new ec2.CreateRouteTableCommand({ VpcId: here.far.vpc }));
          const lateTable = RouteTable?.RouteTableId ?? '';
          await here.people.send(new ec2.AssociateRouteTableCommand({ RouteTableId: lateTable, SubnetId: late }));
          const subnets = [here.far.a1, late, here.far.b1];
          const tables = [here.tables.a1, lateTable, here.tables.b1];
          for (const one of deeds) await perform(here, subnets, one);

          here.settings.spokeAccounts = [SPOKE];
          await here.permit(true);
          here.hear('answers');
          await here.heal(true);
          // The longest that a try waits for the next.
          for (let minute = 0; minute < 70; minute++) {
            const { hub, spoke } = await here.both();
            if (minute > 5 && hub + spoke === 0 && (await atRest(here))) break;
            await here.cloud.clock.run(60_000);
          }

          const tags = await Promise.all(subnets.map((id) => here.tagOf(id)));
          for (const [index, tag] of tags.entries()) {
            const served = index < 2 && tag !== undefined;
            expect(await here.routed(tables[index] ?? '')).toEqual(served ? [tag, RESOLVER].sort() : []);
            expect(await here.status(subnets[index] ?? '')).toEqual(
              tag === undefined
                ? undefined
                : served
                  ? 'ready'
                  : expect.stringMatching(/^refused: the service of account/),
            );
          }
          const standing = (await here.farEndpoints()).map(({ SubnetIds }) => SubnetIds?.[0]).sort();
          expect(standing).toEqual(subnets.filter((_, index) => index < 2 && tags[index] !== undefined).sort());
          expect(await here.both()).toEqual({ hub: 0, spoke: 0 });
        } finally {
          await here.close();
        }
      }),
      { numRuns: RUNS },
    );
  },
  RUNS * 30_000,
);

async function atRest(here: SpokeStage): Promise<boolean> {
  return (await here.farEndpoints()).every(({ State }) => String(State) === 'available');
}
