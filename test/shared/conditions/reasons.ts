import type { COMMON } from '../../../shared/conditions/common.ts';
import type { Reason } from '../../../shared/conditions/condition.ts';
import type { ROUTERS } from '../../../shared/conditions/routers.ts';
import type { SUBNETS } from '../../../shared/conditions/subnets.ts';
import type { Table } from '../../../shared/conditions/words.ts';

/** Each row of a table once, or oftener where its words depend on its facts. `tsc` refuses a row that is missing here. */
type Facts<T extends Table> = { [Code in keyof T]: Omit<Extract<Reason, { code: Code }>, 'code'>[] };

const route = { destination: '10.20.0.0/16', tableId: 'rtb-1' };
const cidr = '10.20.0.0/16';
const ended = { id: 'vpce-1', state: 'failed', error: 'no address is free' };
const health = 'arn:aws:lambda:eu-central-1:111122223333:function:hub-health';
const owner = '222233334444';
const command = { commandId: 'c-1', details: 'Failed', output: 'no disk left' };
const hooks = { group: 'routers', state: 'Pending:Wait', hooks: 'theirs', prefix: 'ziti-glb' };
const warning = 'AWS advises to replace it (rebalance recommendation)';

const common: Facts<typeof COMMON> = {
  'another-try': [
    {},
    { error: { name: 'Unheard', message: 'odd' } },
    { error: { name: 'IncorrectState', message: '' } },
  ],
  turn: [{ size: 4, refill: 0.3 }],
  paused: [
    { why: 'change 4711', since: 0, idle: false },
    { why: '', idle: true },
  ],
};

const subnets: Facts<typeof SUBNETS> = {
  'no-cidr': [{}],
  'not-a-cidr': [{ word: 'oops' }],
  'closed-addresses': [{ word: 'fe80::/10', block: 'fe80::/10', whose: 'the link' }],
  'overlap-in-tag': [{ word: cidr, other: '10.0.0.0/8' }],
  'shared-vpc': [{ table: 'rtb-1', owner, account: '111122223333' }],
  'zone-without-node': [{ zone: 'c' }],
  'zone-not-served': [{ owner, zone: 'c', zoneId: 'euc1-az1', zoneIds: 'euc1-az2' }],
  'no-route-table': [{}],
  'main-route-table': [
    { tableId: 'rtb-1', subnets: [] },
    { tableId: 'rtb-1', subnets: ['a', 'b', 'c', 'd'] },
  ],
  'routers-in-subnet': [{}],
  'table-of-routers': [{ tableId: 'rtb-1', subnets: ['subnet-1'] }],
  'no-ipv4-for-endpoint': [{ subnet: 'subnet-1' }],
  'no-subnet-for-endpoint': [
    { zone: 'c', leaving: undefined },
    { zone: 'c', leaving: 'subnet-1' },
  ],
  'part-of-vpc': [{ cidr, block: '10.0.0.0/8' }],
  'block-of-vpc': [{ cidr }],
  'subnet-itself': [{ cidr }],
  'cuts-off': [{ cidr, subnet: 'subnet-1', what: 'routers' }],
  'in-dns-range': [{ cidr, range: '10.0.0.0/8', router: 'i-1' }],
  'in-far-dns-range': [{ cidr, range: '10.0.0.0/8', router: 'i-1' }],
  'service-without-ipv6': [{ cidr: '2001:db8::/32' }],
  'no-ipv6-for-endpoint': [{ cidr: '2001:db8::/32', subnet: 'subnet-1' }],
  'too-wide': [{ cidr: '0.0.0.0/0' }],
  loop: [{ cidr: '0.0.0.0/0', tableId: 'rtb-1', subnets: ['subnet-1'] }],
  'no-systems-manager': [{ cidr: '0.0.0.0/0' }],
  'no-way-to-systems-manager': [{ cidr: '0.0.0.0/0', lost: '10.9.0.0/24', tableId: 'rtb-1' }],
  'route-quota': [{ tableId: 'rtb-1', routes: 51, most: 50 }],
  'endpoint-available': [{}],
  'endpoint-anew': [{ ended: { ...ended, owner, state: 'expired' } }],
  'endpoint-retry': [{ ended }, { ended: { ...ended, owner: '', state: 'rejected' } }],
  'endpoint-accepted': [{ id: 'vpce-1', owner }],
  'room-in-vpc': [{}],
  'room-in-zone': [{ zone: 'a' }],
  'endpoint-quota': [{ most: 50 }],
  'zone-enabled': [{ zone: 'c' }],
  'service-there': [{ service: 'com.amazonaws.vpce.eu-central-1.vpce-svc-1', account: owner }],
  'news-of-hub': [
    { blind: { code: 'clock', toldAt: 0 } },
    { blind: { code: 'failed', health } },
    { blind: { code: 'silent', health, error: 'AccessDeniedException' } },
    { blind: { code: 'another', health, serviceId: 'vpce-svc-2' } },
  ],
  'endpoint-held-by-account': [{ tableId: 'rtb-1', owner }],
  'endpoint-held-by-gateway': [{ tableId: 'rtb-1' }],
  impostor: [{ key: 'ziti-glb:stack', serviceName: 'com.amazonaws.vpce.eu-central-1.vpce-svc-2' }],
  'healthy-router': [{}],
  'route-conflict': [{ ...route, target: 'nat-1' }],
  'route-of-stack': [{ ...route, target: 'vpce-2', holder: 'the stack other' }],
  'no-room-for-note': [{ ...route, tags: 50 }],
  'no-room-for-copy': [{ key: 'ziti-glb:former:10.20.0.0/16', most: 50 }],
  'notes-lost': [route],
  'former-target-gone': [{ ...route, target: 'nat-1', key: 'ziti-glb:former:10.20.0.0/16' }],
  'noted-by-nobody': [{ ...route, key: 'ziti-glb:former:10.20.0.0/16' }],
  'noted-by-another-key': [{ ...route, key: 'other:former:10.20.0.0/16' }],
  'route-stays': [route, { ...route, error: { name: 'Unheard', message: 'odd' } }],
  'forged-tag': [{ key: 'ziti-glb:former:10.20.0.0/16' }],
  'note-erasable': [{}],
  'copy-erasable': [{}],
  'range-not-a-cidr': [{ range: 'oops' }],
  'range-overlaps': [{ range: cidr, block: cidr, whose: 'the VPC' }],
  'no-room-for-status': [{ subnet: 'subnet-1', most: 50 }],
  'vpc-missing': [{}],
  'claims-unread': [{ message: 'You are not authorized.' }],
  'vpc-claimed': [{ stack: 'other', tagKey: 'ziti-glb' }],
  'named-vpc-claimed': [{ stack: 'other', tagKey: 'ziti-glb' }],
  'spoke-of-itself': [{ account: owner }],
  'unknown-account': [{ owner, serviceId: 'vpce-svc-1' }],
  'unknown-gateway': [{ serviceId: 'vpce-svc-1' }],
  'unknown-gateway-owner': [{ owner, serviceId: 'vpce-svc-1' }],
};

const routers: Facts<typeof ROUTERS> = {
  'instance-started': [{}],
  'load-balancer-addresses': [{}],
  'dns-range': [{}],
  'dns-pool-held': [{ held: 4, rangeKey: 'ziti-glb:dns-range' }],
  'dns-pool-of-vpc': [{ ofVpc: 4 }],
  'dns-pool-held-and-of-vpc': [{ held: 3, rangeKey: 'ziti-glb:dns-range', ofVpc: 1 }],
  'drained-to-join': [{}],
  'agent-online': [{ minutes: 15 }],
  'agent-missing': [{ minutes: 15 }],
  'agent-lost': [{ heardAt: 0 }],
  diverter: [{}],
  'command-running': [{ commandId: 'c-1', details: 'InProgress' }],
  'install-failed': [command, { ...command, output: '' }],
  'source-dest-check': [{}],
  'tag-written': [{ key: 'ziti-glb:diverter' }],
  registration: [{}],
  'health-checks': [
    { state: 'unhealthy', why: 'Target.Timeout' },
    { state: 'initial', why: undefined },
  ],
  untagged: [{}],
  'other-role': [{ tagKey: 'ziti-glb', role: 'ruoter', wanted: 'router' }],
  'instance-state': [{ state: 'stopped' }],
  'instance-gone': [{}],
  'group-state': [{ state: 'Standby' }],
  'warm-pool': [{}],
  'back-to-warm-pool': [{}],
  warned: [{ warning }],
  'warned-alone': [{ warning }],
  'no-room-for-warning': [{ warning, key: 'ziti-glb:leaving' }],
  'install-unproven': [{}],
  'connections-drained': [{}],
  'foreign-target': [{}],
  'other-zone': [{ zone: 'c', zones: 'a, b' }],
  'other-subnet': [{ subnetId: 'subnet-1', routerSubnets: 'subnet-2' }],
  'other-profile': [{ profile: 'none', routerProfile: 'arn:aws:iam::111122223333:instance-profile/router' }],
  'no-room-for-notes': [{ tags: 50, most: 50, keys: 'ziti-glb:diverter', missing: 1 }],
  'no-ipv4': [{}],
  windows: [{}],
  'no-diverter-built': [{ architecture: 'arm64' }],
  'other-target-type': [{ targetType: 'ip' }],
  'held-by-other-hooks': [hooks],
  'ready-but-held': [hooks],
  'stack-resumed': [{}],
  'upgrade-failed': [{ ...command, router: 'i-1' }],
  'upgrade-made-unhealthy': [{ router: 'i-1' }],
  'upgrade-held-up': [{ router: 'i-1' }],
  'upgraded-router-healthy': [{ router: 'i-1' }],
  'last-router': [{}],
};

/** Reasons of every code. */
export const REASONS = Object.entries({ ...common, ...subnets, ...routers }).flatMap(([code, all]) =>
  all.map((facts) => ({ code, ...facts }) as Reason),
);
