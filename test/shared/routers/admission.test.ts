import { expect, test } from '@jest/globals';
import { plan } from '../../../shared/routers/plan.ts';
import {
  bare,
  checked,
  config,
  configOf,
  install,
  instance,
  MINUTE,
  made,
  now,
  PROFILE,
  rows,
  tags,
  target,
  wantedBy,
  without,
  world,
} from './fixtures.ts';

rows(
  'where the stack names where its routers stand, one is registered as soon as it runs',
  [
    [
      'noted first',
      world([instance({ agentOnline: false })]),
      ['note-diverter'],
      ['its SSM agent to come online, within 15 min of its start'],
    ],
    [
      'then registered, while the agent is awaited',
      world([without({ agentOnline: false })]),
      ['register'],
      ['its SSM agent to come online, within 15 min of its start'],
    ],
  ],
  configOf({ healthPort: '8082', routerSubnets: ['subnet-a'] }),
);

rows('a target group whose targets are addresses is left as it is', [
  [
    'whatever is in it, and whoever would join',
    { ...world([instance(), instance({ id: 'i-2', role: undefined })], [target('healthy')]), targetType: 'ip' },
    [],
    [/^its targets are of type ip, and routers are of type instance: nothing is done/],
  ],
]);

rows('what cannot be a router is told why', [
  ['another role', world([instance({ role: 'gateway' })]), [], ['its tag ziti-glb is gateway, not router']],
  [
    'another zone',
    world([instance({ zone: 'c' })]),
    [],
    [/^it stands in zone c, and the load balancer in a, b: launch it there, or add a subnet/],
  ],
  [
    'no address that it could be a target by',
    world([instance({ address: '' })]),
    [],
    ['it has no IPv4 address, by which the load balancer reaches its targets'],
  ],
  ['Windows', world([instance({ windows: true })]), [], ['it runs Windows, where no diverter runs']],
  ['an architecture without a build', world([instance({ architecture: 'i386' })]), [], [/without a diverter for i386/]],
  [
    'with too many tags to be noted',
    world([instance({ keys: tags(49), interfaces: checked('eni-1') })]),
    [],
    ['it has 49 tags, of which AWS allows 50 beside its own, and no room for ziti-glb:source-dest-check: take 1 away'],
  ],
  [
    'with just room for its notes is none of them',
    world([instance({ keys: tags(48), interfaces: checked('eni-1') })]),
    ['install'],
    [],
  ],
  [
    'and stays as it is, if it was one',
    world([instance({ keys: tags(50), interfaces: checked('eni-1'), installs: [install()] })], [target('healthy')]),
    [],
    [/^it has 50 tags, .* take 2 away$/],
  ],
  [
    'or was one before it was untagged',
    world([{ ...instance({ keys: tags(50), installs: [install()], unchecked: ['eni-1'] }), role: undefined }]),
    ['source-dest-check-on'],
    [],
  ],
  ['and leaves, if it was one', world([instance({ zone: 'c' })], [target('unused')]), ['deregister'], [/zone c/]],
]);

rows(
  'what stands where no router may is refused, and not touched',
  [
    [
      'in another subnet',
      world([instance({ subnetId: 'subnet-b', interfaces: checked('eni-1') })]),
      [],
      ['it stands in subnet-b, and routerSubnets names subnet-a: launch it there, or name its subnet too'],
    ],
    [
      'with another instance profile',
      world([instance({ profile: 'arn:aws:iam::111122223333:instance-profile/other' })]),
      [],
      [
        /^its instance profile is arn:aws:iam::111122223333:instance-profile\/other, and routerProfile is .*\/router: give/,
      ],
    ],
    ['with none', world([instance()]), [], [/^its instance profile is none/]],
    ['as it is to be, it joins', world([instance({ profile: PROFILE })]), ['install'], []],
  ],
  configOf({ routerSubnets: ['subnet-a'], routerProfile: PROFILE }),
);

rows('a tag that we did not write', [
  [
    'that it has its diverter already: it is installed, and not before that it is a router',
    world([
      instance({
        claimed: { text: wantedBy(bare), at: now - MINUTE },
        interfaces: checked('eni-1'),
        agentOnline: false,
      }),
    ]),
    [],
    ['its SSM agent to come online, within 15 min of its start'],
  ],
  ['with its agent online', world([instance({ claimed: { text: wantedBy(bare), at: now } })]), ['install'], []],
  [
    'makes no target ours',
    world([instance({ role: undefined, claimed: { text: wantedBy(bare), at: now } })], [target('healthy')]),
    [],
    [/^it is a target and carries no tag of ours/],
  ],
  [
    'of a target makes another install of it, and no outage',
    world([instance({ claimed: { text: wantedBy(bare), at: now } })], [target('healthy')]),
    ['install'],
    [],
  ],
]);

test('notes without a seal of targets are replaced by one more install, zone by zone, and one at first', () => {
  const claiming = (id: string, zone: string) =>
    instance({ id, zone, claimed: { text: wantedBy(bare), at: now - MINUTE } });
  const all = [claiming('i-1', 'a'), claiming('i-2', 'a'), claiming('i-3', 'b')];
  const targets = ['i-1', 'i-2', 'i-3'].map((id) => target('healthy', id));
  expect(plan(world(all, targets), config).steps).toMatchObject([
    { kind: 'install', why: 'upgrade', instances: [{ id: 'i-1' }] },
  ]);
});

rows('a router that is none any more gets its source/dest check back', [
  [
    'when it has drained',
    world([{ ...made(), role: undefined, unchecked: ['eni-1'] }], [target('draining')]),
    [],
    ['the connections it still has to drain'],
  ],
  ['then', world([{ ...made(), role: undefined, unchecked: ['eni-1'] }]), ['source-dest-check-on'], []],
  [
    'and what was noted of it goes',
    world([{ ...made({ interfaces: checked('eni-1') }), role: undefined, unchecked: ['eni-1'] }]),
    ['forget-check'],
    [],
  ],
  [
    'of no interface that had it off before',
    world([
      { ...made({ interfaces: [{ id: 'eni-2', sourceDestCheck: false }] }), role: undefined, unchecked: ['eni-1'] },
    ]),
    ['forget-check'],
    [],
  ],
  ['nor of one without a note of ours', world([{ ...made(), role: undefined }]), [], []],
  ['nor on its end', world([{ ...made({ state: 'shutting-down' }), role: undefined, unchecked: ['eni-1'] }]), [], []],
  ['nor while it is one', world([made({ unchecked: ['eni-1'] })], [target('healthy')]), [], []],
]);

test('notes with the seal of before get the one of now', () => {
  const unsealed = [{ key: 'ziti-glb:diverter', text: 'a.b 2026-01-15T10:00:00.000Z' }];
  expect(plan(world([made({ unsealed })], [target('healthy')]), config).steps).toMatchObject([
    { kind: 'seal-note', instanceId: 'i-1', ...unsealed[0] },
  ]);
});
