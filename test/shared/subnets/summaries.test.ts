import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chainOfSubnet } from '../../../bin/explain/chain.ts';
import { reasonText } from '../../../shared/conditions/sentences.ts';
import { keyOf } from '../../../shared/reconcile/plan.ts';
import { plan } from '../../../shared/subnets/plan.ts';
import type { SubnetsWorld } from '../../../shared/subnets/world.ts';
import { topology } from '../../../shared/topology/model.ts';
import { given } from '../../support/cloud.ts';
import { frozen } from '../../support/frozen.ts';
import { notesOf } from '../../support/notes.ts';
import { factual } from '../../support/plain-facts.ts';
import { CIDR, config, endpoint, main, NOW, note, RESOLVER, route, subnet, table, world } from './fixtures.ts';

const from = <T>(...values: T[]) => fc.constantFrom(...values);
const LEAVING = `leaving since ${new Date(NOW - 1000).toISOString()} because someone tried to delete it`;
const FORMER = `ziti-glb:former:${CIDR}`;

const subnets = fc.record({
  tagValue: from(undefined, CIDR, `${CIDR} 10.30.0.0/16`, `takeover ${CIDR}`, 'oops', '0.0.0.0/0'),
  status: from(
    ...[undefined, 'ready', `ready. Taken over in rtb-a: ${CIDR}`, 'waiting: its endpoint to be available', LEAVING],
    ...['blocked: 10.20.0.0/16 in rtb-a', 'ready. Served by vpce-b of subnet-b: AWS takes no second endpoint in a'],
  ),
  zone: from('a', 'a', 'b', 'c'),
  tagCount: from(1, 50),
});
const endpoints = fc.record({
  state: from('available', 'available', 'pending', 'pendingacceptance', 'failed', 'rejected', 'deleting'),
  error: from(undefined, 'no'),
  acceptable: fc.boolean(),
  createdAt: from(NOW - 1000, NOW - 3_600_000),
  tagCount: from(3, 50),
});
const tables = fc.record({
  targets: fc.array(from('vpce-a', 'vpce-b', 'nat-1', 'eni-1'), { maxLength: 3 }),
  blackhole: fc.boolean(),
  edge: from(false, false, false, true),
  owner: from('111122223333', '111122223333', '111122223333', '444455556666'),
  former: from([], [note(FORMER, 'nat-1')], [note(FORMER, 'nat-1', { gone: true })]),
  strays: from([], [[CIDR, `other:former:${CIDR}`] as const]),
  forged: from<[string, string[]][]>([], [[CIDR, [FORMER]]]),
});
const letters = ['a', 'b', 'c'] as const;

/** Whatever people, AWS and lost notes may have made of three subnets and their tables. */
const worlds = fc
  .record({
    subnets: fc.tuple(subnets, subnets, subnets),
    endpoints: fc.tuple(...letters.map(() => fc.option(endpoints, { nil: undefined }))),
    tables: fc.tuple(tables, tables),
    health: from('healthy', 'unhealthy', 'initial'),
    crossZone: fc.boolean(),
    undeletable: from(undefined, undefined, 'subnet-a', 'subnet-b'),
    refused: fc.boolean(),
  })
  .map((drawn): SubnetsWorld => {
    const seen = world({
      subnets: drawn.subnets.map((fields, index) => subnet({ id: `subnet-${letters[index]}`, ...fields })),
      endpoints: drawn.endpoints.flatMap((fields, index) =>
        fields ? [endpoint({ id: `vpce-${letters[index]}`, subnetId: `subnet-${letters[index]}`, ...fields })] : [],
      ),
      routeTables: [
        main,
        ...drawn.tables.map(({ targets, blackhole, former, strays, forged, ...fields }, index) =>
          table({
            id: `rtb-${letters[index]}`,
            subnetIds: index === 0 ? ['subnet-a'] : ['subnet-b', 'subnet-c'],
            routes: targets.map((target, at) => route(target, [CIDR, RESOLVER, '10.40.0.0/16'][at], { blackhole })),
            takeoverNotes: new Map(former),
            foreignNotes: new Map(strays),
            forged: new Map(forged),
            ...fields,
          }),
        ),
      ],
      targets: [{ state: drawn.health, zone: 'a' }],
      crossZone: drawn.crossZone,
      deletionAttempted: drawn.undeletable,
    });
    const error = Object.assign(new Error('no'), { name: 'Unheard' });
    const steps = drawn.refused ? plan(seen, config()).steps : [];
    return { ...seen, attempts: new Map(steps.map((step) => [keyOf(step), { step, times: 2, at: NOW, error }])) };
  });
const chosen = fc.record({
  endpoints: from<'subnet' | 'zone' | string[]>('subnet', 'zone', ['subnet-b']),
  withoutRouter: from<'keep' | 'withdraw'>('keep', 'withdraw'),
  endpointsPerVpc: from(50, 1),
  routesPerTable: from(500, 3),
});

test('plan, status, picture and explain name the same endpoint, state and reason for each subnet, and change nothing', () => {
  fc.assert(
    fc.property(worlds, chosen, (drawn, fields) => {
      const seen = frozen({ ...drawn, endpointCount: drawn.endpoints.length });
      const settings = frozen(config(fields));
      const planned = frozen(factual(plan(seen, settings)));
      const picture = topology({
        ...{ place: { partition: 'aws', region: 'r', stack: 's' }, account: '1', vpcId: 'vpc-1', tagKey: 'ziti-glb' },
        subnets: { world: seen, vpcs: [seen], attachments: [], spokes: [], plan: planned },
        routers: { world: { nodes: [] }, plan: { summaries: [], conditions: [] } },
      });
      const shown = new Map(picture.zones.flatMap((zone) => zone.subnets).map((each) => [each.id, each]));
      const routers = {
        world: {
          ...{ now: NOW, nodes: [], instances: [], targets: [], scaling: new Map() },
          vpcCidrs: [],
          targetType: '',
        },
      };
      const heard = [...shown.values()].flatMap(({ why }) => why).concat(picture.notes.map(({ why }) => why));
      const { waiting, refused } = notesOf(planned);
      for (const { for: message } of [...refused, ...waiting])
        expect(heard.some((text) => text.includes(message))).toBe(true);
      for (const summary of planned.summaries) {
        const { state, why, conditions, optedIn, endpoint: serving } = summary;
        const { id, tagValue } = summary.subnet;
        const drawnAs = given(shown.get(id));
        expect(drawnAs.endpoint?.id).toBe(serving?.id);
        if (drawnAs.state === 'down') expect(state).toBe('ready');
        else expect([drawnAs.state, drawnAs.why]).toEqual([state, why]);

        const written = planned.steps.find((step) => step.kind === 'set-status' && step.subnetIds.includes(id));
        if (written?.kind === 'set-status' && conditions.length > 0) expect(written.status.split(/\W/)[0]).toBe(state);

        const notes = [...refused, ...waiting].filter(({ subject }) => subject === id);
        const said = conditions.filter(({ about }) => about.label === id);
        expect(new Set(notes.map((each) => each.for))).toEqual(new Set(said.map(({ reason }) => reasonText(reason))));
        for (const { reason } of said) expect(why.join()).toContain(reasonText(reason));

        if (tagValue === undefined) continue;
        const chain = chainOfSubnet(
          summary.subnet,
          { subnets: { world: seen, plan: planned }, routers },
          {
            subnets: settings,
            routers: Object(null),
          },
        );
        const explained = (name: string) => chain.find((link) => link.name === name)?.says;
        if (optedIn && 'refused' in optedIn.spec) {
          expect(state).toBe('refused');
          expect(why).toContain(explained('wish'));
        } else if (!optedIn) expect(explained('wish')).toBe(summary.status);
        else if (serving && explained('endpoint')) expect(explained('endpoint')).toContain(`${serving.id} in `);
      }
    }),
    { numRuns: 300 },
  );
});
