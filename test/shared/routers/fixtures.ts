import { describe, expect, test } from '@jest/globals';
import type { RoutersConfig } from '../../../shared/config.ts';
import { plan } from '../../../shared/routers/plan.ts';
import { NO_DIVERTER, routersOf } from '../../../shared/routers/router.ts';
import { stepSentence } from '../../../shared/routers/sentences.ts';
import type { Hook, Install, Instance, RoutersWorld, Target } from '../../../shared/routers/world.ts';
import { notesOf } from '../../support/notes.ts';

export const VERSIONS = { one: '1'.repeat(64), two: '2'.repeat(64) };

/** Of what the seal of the tests is not made. */
const SEALING = { keyArn: '', version: 1, partition: '', region: '', account: '', stack: '', tagKey: '' };

export const configOf = (fields: Partial<RoutersConfig> = {}): RoutersConfig => ({
  stack: 'ziti-glb-test',
  version: '1.2.3',
  tagKey: 'ziti-glb',
  vpcId: 'vpc-1',
  targetGroupArn: 'arn:tg',
  loadBalancerArn: 'arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/gwy/gwlb/0',
  document: 'Install',
  diverter: 'own',
  reply: 'direct',
  tuneRouter: true,
  bucket: 'artefacts',
  prefix: 'diverter',
  builds: new Map([
    ['amd64', VERSIONS.one],
    ['arm64', VERSIONS.one],
  ]),
  launchDeadline: 15 * 60_000,
  dns: undefined,
  healthPort: '',
  healthOptions: '',
  registrationKey: '',
  diverterKey: 'ziti-glb:diverter',
  rangeKey: 'ziti-glb:dns-range',
  pauseKey: 'ziti-glb:paused',
  leavingKey: 'ziti-glb:leaving',
  checkKey: 'ziti-glb:source-dest-check',
  unhealthyKey: 'ziti-glb:unhealthy',
  routerSubnets: [],
  routerProfile: '',
  sealing: SEALING,
  ...fields,
});

export const MINUTE = 60_000;
export const PROFILE = 'arn:aws:iam::111122223333:instance-profile/router';
export const now = Date.UTC(2026, 0, 15, 10);
export const config = configOf();
export const nodes = [
  { address: '10.0.1.5', zone: 'a' },
  { address: '10.0.2.5', zone: 'b' },
];

export const bare: Instance = {
  id: 'i-1',
  name: 'router-1',
  role: 'router',
  keys: ['ziti-glb'],
  state: 'running',
  launchedAt: now - 5 * MINUTE,
  rootedAt: 0,
  subnetId: 'subnet-a',
  zone: 'a',
  profile: undefined,
  architecture: 'x86_64',
  windows: false,
  address: '10.0.1.10',
  interfaces: [{ id: 'eni-1', sourceDestCheck: false }],
  agentOnline: true,
  agentHeardAt: undefined,
  diverter: undefined,
  claimed: undefined,
  installs: [],
  range: undefined,
  leaving: undefined,
  warned: undefined,
  unhealthy: undefined,
  unchecked: undefined,
  unsealed: [],
  scaling: undefined,
};
export const world = (instances: Instance[], targets: Target[] = []): RoutersWorld => ({
  ...{ now, nodes, instances, targets },
  scaling: new Map(),
  vpcCidrs: ['10.0.0.0/16'],
  targetType: 'instance',
});
/** The fingerprint of what a router is to have. */
export const wantedBy = (instance: Instance, settings = config) =>
  routersOf(world([instance]), settings)[0]?.wanted.fingerprint ?? '';

export const instance = (fields: Partial<Instance> = {}): Instance => ({ ...bare, ...fields });
/** One that has the diverter it is to have, since it was launched. */
export const made = (fields: Partial<Instance> = {}) => {
  const one = instance(fields);
  return { ...one, diverter: { text: wantedBy(one), at: one.launchedAt } };
};
export const tags = (count: number) => Array.from({ length: count }, (_, number) => `tag-${number}`);
export const checked = (...ids: string[]) => ids.map((id) => ({ id, sourceDestCheck: true }));
export const outdated = (fields: Partial<Instance> = {}) => ({
  ...instance(fields),
  diverter: { text: 'old.old', at: now - MINUTE },
});
export const install = (fields: Partial<Install> = {}): Install => ({
  commandId: 'c-1',
  fingerprint: wantedBy(bare),
  why: 'join',
  status: 'success',
  details: 'Success',
  requestedAt: now - 10_000,
  output: '',
  ...fields,
});
export const failed = (fields: Partial<Install> = {}) =>
  install({ status: 'failed', details: 'Failed', output: 'ziti-glb: no disk left', ...fields });
export const running = install({ status: 'running', details: 'InProgress' });
export const target = (state: string, id = 'i-1', reason?: string): Target => ({ id, state, reason });
export const hook = (fields: Partial<Hook> = {}): Hook => ({
  name: 'ziti-glb-launch',
  launching: true,
  heartbeatTimeout: 300_000,
  heldAt: now - 5 * MINUTE,
  heartbeatAt: undefined,
  completedAt: undefined,
  ...fields,
});
export const inGroup = (state: string, ...hooks: Hook[]) => ({
  scaling: { group: 'routers', state, hooks, others: [] },
});

export const outcome = (given: RoutersWorld, settings: RoutersConfig = config) => {
  const { steps, conditions } = plan(given, settings);
  const { waiting, refused } = notesOf({ conditions });
  return {
    steps: steps.map(({ kind }) => kind),
    notes: [...waiting, ...refused].map((note) => note.for),
    says: steps.map(stepSentence),
  };
};

export type Row = [string, RoutersWorld, string[], (string | RegExp)[]];

export function rows(title: string, table: Row[], settings: RoutersConfig = config) {
  describe(title, () => {
    test.each(table)('%s', (_, given, steps, notes) => {
      const seen = outcome(given, settings);
      expect(seen.steps).toEqual(steps);
      expect(seen.notes).toEqual(notes.map((note) => (note instanceof RegExp ? expect.stringMatching(note) : note)));
    });
  });
}

export const asked = configOf({ healthPort: '8082' });
/** Noted as a target that has no diverter yet. */
export const without = (fields: Partial<Instance> = {}) => ({
  ...instance(fields),
  diverter: { text: NO_DIVERTER, at: now - MINUTE },
});
/** One that has the diverter which answers health checks. */
export const answering = () => ({ ...instance(), diverter: { text: wantedBy(bare, asked), at: bare.launchedAt } });
