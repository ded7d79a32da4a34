import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import { diverterPath, harnessPath, type Result, type Router, startRouter } from './router.ts';

const GROUP = '4242';

/** A unit's setting has these values, of all its lines. */
function setting(unit: string, name: string): string[] {
  const text = readFileSync(new URL(`../../bpf/deb/${unit}`, import.meta.url), 'utf8');
  return [...text.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].flatMap(([, value = '']) => value.split(' '));
}

/** setpriv gives up what systemd takes from a unit. */
function confined(unit: string): string[] {
  const set = (name: string): string =>
    ['-all', ...setting(unit, name).map((each) => each.toLowerCase().replace('cap_', '+'))].join();
  const ambient = set('AmbientCapabilities');
  const user = ['--reuid=61184', '--regid=61184', `--inh-caps=${ambient}`, `--ambient-caps=${ambient}`];
  const groups = setting(unit, 'SupplementaryGroups').map((name) => name.replace('ziti-glb', GROUP));
  return [
    'setpriv',
    ...(setting(unit, 'DynamicUser').includes('yes') ? user : []),
    groups.length > 0 ? `--groups=${groups.join()}` : '--clear-groups',
    `--bounding-set=${set('CapabilityBoundingSet')}`,
    '--no-new-privs',
    '--pdeathsig=KILL',
  ];
}

describeKernel('what the units leave to the diverter is enough by tcx', () => {
  units(true);
});
describeKernel('what the units leave to the diverter is enough on a qdisc', () => {
  units(false);
});

function units(tcx: boolean): void {
  let router: Router;
  beforeEach(async () => {
    router = await startRouter({ tcx });
    router.exec([
      ...['sh', '-c'],
      `cp /etc/group /run/group; echo ziti-glb:x:${GROUP}: >>/run/group; mount --bind /run/group /etc/group`,
    ]);
  });
  afterEach(async () => {
    await router.stopAll();
    await router.close();
  });

  const argv = (unit: string, ...args: string[]): string[] => [
    ...confined(unit),
    ...(tcx ? [] : [harnessPath, 'without-tcx']),
    diverterPath,
    ...args,
  ];
  const diverter = (unit: string, ...args: string[]): Result => router.exec(argv(unit, ...args));
  const ATTACH = ['attach', 'eth0', '--from', 'any'];
  const fine = { code: 0, stderr: '' };

  test('to attach, for the group as well, again over what it finds, and to detach', () => {
    const unit = 'ziti-glb-diverter.service';
    const status = () => JSON.parse(router.diverts('status', '--json'));
    expect(diverter(unit, ...ATTACH)).toMatchObject(fine);
    expect(router.exec(['stat', '-c', '%g', '/sys/fs/bpf/ziti-glb/claims']).stdout).toBe(`${GROUP}\n`);
    router.intercept({ destination: '203.0.113.9/32', protocol: 'tcp', ports: [80, 80], listener: 40001 });
    router.exec(['ip', 'route', 'del', 'local', '203.0.113.9', 'dev', 'lo', 'table', 'local', 'proto', '208']);
    expect(status().nonlocal).toEqual(['203.0.113.9/32']);
    expect(diverter(unit, ...ATTACH, '--reply', 'geneve')).toMatchObject(fine);
    expect(status()).toMatchObject({ attached: [{}], strays: [], nonlocal: [] });
    router.diverts('flush');
    expect(diverter(unit, 'detach')).toMatchObject(fine);
    expect(router.exec(['ls', '/sys/fs/bpf']).stdout).not.toContain('ziti-glb');
    expect(status()).toMatchObject({ attached: [], strays: [] });
  });

  test('to keep it attached', () => {
    const unit = 'ziti-glb-diverter-keep.service';
    const status = (): string => diverter(unit, 'status').stdout;
    expect(status()).not.toMatch(/^attached *[^ ]/m);
    router.diverts(...ATTACH);
    expect(status()).toMatch(/^attached *eth0/m);
    expect(status()).not.toMatch(/: attach again/);
    router.intercept({ destination: '203.0.113.9/32', protocol: 'tcp', ports: [80, 80], listener: 40001 });
    router.exec(['ip', 'route', 'del', 'local', '203.0.113.9', 'dev', 'lo', 'table', 'local', 'proto', '208']);
    expect(status()).toMatch(/: attach again/);
  });

  test('to say how it is, as a user of its own, also of a listener and on a port below 1024', async () => {
    const unit = 'ziti-glb-health@.service';
    expect(setting(unit, 'DynamicUser')).toEqual(['yes']);
    router.diverts(...ATTACH);
    router.intercept({ destination: '100.64.0.1/32', protocol: 'udp', ports: [53, 53], listener: 1000 });
    const ask = (): string => router.exec(['curl', '-s', '-w', '%{http_code}', 'http://127.0.0.1:80/']).stdout;
    router.background(argv(unit, 'health', '--port', '80'));
    while (ask() === '000') await sleep(5);
    expect(ask()).toBe('unhealthy\n503');
    await router.start(['listen', 'udp', '127.0.0.1', '1000']).line(/ready/);
    await sleep(1100);
    expect(ask()).toBe('healthy\n200');
    router.diverts('detach');
    expect(ask()).toBe('unhealthy\n503');
  });
}
