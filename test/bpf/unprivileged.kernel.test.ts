import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import {
  diverterPath,
  harnessPath,
  interceptArguments,
  type Result,
  type Router,
  removeArguments,
  startRouter,
} from './router.ts';

const GROUP = '4242';
/** The package's drop-in gives these. */
const CAPABILITIES = ['net_admin', 'net_bind_service'];

describeKernel('a router that is not root', () => {
  let router: Router;
  beforeEach(async () => {
    router = await startRouter();
  });
  afterEach(async () => {
    await router.stopAll();
    await router.close();
  });

  const shell = (script: string): Result => router.exec(['sh', '-ec', script]);
  /** The package's preinst makes the group so. */
  const makeGroup = (): void => {
    shell(
      `cp /etc/group /run/group; echo ziti-glb:x:${GROUP}:someone >>/run/group; mount --bind /run/group /etc/group`,
    );
  };
  const attach = (): string => router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
  const modes = (): string => shell('cd /sys/fs/bpf; stat -c "%n %a %u:%g" . ziti-glb ziti-glb/*').stdout;

  /** The router has ambient capabilities alone, as a systemd unit with a user of its own gives them. */
  const asRouter = (capabilities = CAPABILITIES, groups = GROUP): string[] => {
    const sets = ['-all', ...capabilities.map((name) => `+${name}`)].join();
    const user = ['setpriv', '--reuid=65534', '--regid=65534', groups ? `--groups=${groups}` : '--clear-groups'];
    // Another user's process forgets the signal that `background` has it end by.
    return [...user, `--inh-caps=${sets}`, `--ambient-caps=${sets}`, '--no-new-privs', '--pdeathsig=KILL'];
  };
  const diverter = (args: string[], capabilities?: string[], groups?: string): Result =>
    router.exec([...asRouter(capabilities, groups), diverterPath, ...args]);

  const rule = {
    destination: '100.64.0.1/32',
    protocol: 'tcp',
    ports: [443, 443] as [number, number],
    listener: 40001,
    service: 's',
  } as const;
  const calls = [['-V'], interceptArguments(rule), removeArguments(rule)];

  test('of the group, with the two capabilities of the drop-in: all calls work, and packets arrive', async () => {
    makeGroup();
    attach();
    for (const protocol of ['tcp', 'udp'] as const) {
      const one = { ...rule, protocol, ports: [53, 53] as [number, number] };
      expect(diverter(interceptArguments(one))).toMatchObject({ code: 0, stderr: '' });
      const listener = router.background([...asRouter(), harnessPath, 'listen', protocol, '127.0.0.1', '40001']);
      await listener.line(/ready/);
    }
    expect(diverter(['-V'])).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: '' });
    await router.start(['tunnel', 'glb0', '10.0.0.1', '10.0.0.2'], 'node').line(/ready/);
    router.exec(
      ['sh', '-c', 'ip address add 192.168.1.1/32 dev glb0; ip link set glb0 up; ip route add 100.64.0.0/10 dev glb0'],
      'node',
    );
    for (const protocol of ['tcp', 'udp']) {
      const client = router.start(['connect', protocol, '192.168.1.1', '100.64.0.1', '53'], 'node');
      await client.line(/ready/);
      client.write('hello\n');
      expect(await client.line()).toBe('hello');
    }
    await router.stopAll();
    for (const protocol of ['tcp', 'udp'] as const)
      expect(diverter(removeArguments({ ...rule, protocol, ports: [53, 53] }))).toMatchObject({ code: 0, stderr: '' });
    expect(diverter(interceptArguments(rule)).code).toBe(0);
    expect(diverter(['flush']).code).toBe(0);
    expect(JSON.parse(diverter(['status', '--json']).stdout)).toMatchObject({ attached: [{}], services: 0 });
  });

  test('attach gives directory and pins to the group, also those of an older version, and without a group to root alone', () => {
    attach();
    expect(modes()).toMatch(/^\. 1700 0:0\nziti-glb 700 0:0\n(ziti-glb\/\w+ 600 0:0\n)+$/);
    makeGroup();
    attach();
    expect(modes()).toMatch(/^\. 1710 0:4242\nziti-glb 750 0:4242\n(ziti-glb\/\w+ 660 0:4242\n)+$/);
    router.diverts('detach');
    router.intercept(rule);
    expect(modes()).toMatch(/^\. 1710 0:4242\nziti-glb 750 0:4242\n(ziti-glb\/\w+ 660 0:4242\n)+$/);
  });

  test.each([
    ['1700', /attach first: `systemctl reload-or-restart ziti-glb-diverter`/],
    ['1777', /attach first: `systemctl start ziti-glb-diverter`/],
  ])('before attach it is told to attach first, and leaves nothing in its way (%s)', (mode, sentence) => {
    makeGroup();
    shell(`chmod ${mode} /sys/fs/bpf`);
    for (const call of [...calls, ['flush']])
      expect(diverter(call)).toMatchObject({ code: 1, stderr: expect.stringMatching(sentence) });
    expect(shell('ls /sys/fs/bpf').stdout).not.toContain('ziti-glb');
    expect(router.diverter('-V').code).toBe(0);
    attach();
    expect(diverter(['-V']).code).toBe(0);
    shell('while umount /sys/fs/bpf 2>&1; do :; done');
    expect(diverter(['-V'])).toMatchObject({ code: 1, stderr: expect.stringMatching(/mount -t bpf -o mode=700 bpf/) });
  });

  const lacking: [string, boolean, string[], string, RegExp][] = [
    ['the group, where there is none', false, CAPABILITIES, '', /Permission denied: .*`SupplementaryGroups=ziti-glb`/],
    ['the group', true, CAPABILITIES, '', /Permission denied: .*`SupplementaryGroups=ziti-glb`/],
    [
      'the group, with CAP_BPF',
      true,
      [...CAPABILITIES, 'bpf'],
      '',
      /Permission denied: .*`SupplementaryGroups=ziti-glb`/,
    ],
    ['CAP_NET_ADMIN', true, [], GROUP, /`AmbientCapabilities=CAP_NET_ADMIN CAP_NET_BIND_SERVICE`/],
    [
      'CAP_NET_ADMIN, with the other',
      true,
      ['net_bind_service'],
      GROUP,
      /`AmbientCapabilities=CAP_NET_ADMIN CAP_NET_BIND_SERVICE`/,
    ],
  ];
  test.each(lacking)('without %s each call says so, -V too', (_name, hasGroup, capabilities, groups, sentence) => {
    if (hasGroup) makeGroup();
    attach();
    router.intercept(rule);
    for (const call of calls)
      expect(diverter(call, capabilities, groups)).toMatchObject({ code: 1, stderr: expect.stringMatching(sentence) });
    expect(JSON.parse(router.diverts('services', '--json'))).toHaveLength(1);
  });

  test('without CAP_NET_BIND_SERVICE it is warned of datagrams to ports below 1024, and of nothing else', () => {
    makeGroup();
    attach();
    const warned = {
      code: 0,
      stderr: expect.stringMatching(/cannot answer datagrams to ports below 1024: .*CAP_NET_BIND_SERVICE`\n$/),
    };
    const silent = { code: 0, stderr: '' };
    const only = ['net_admin'];
    const add = (protocol: 'tcp' | 'udp', port: number, listener = 40001) =>
      diverter(interceptArguments({ ...rule, protocol, ports: [port, 2000], listener }), only);
    expect(diverter(['-V'], only)).toMatchObject(warned);
    expect(add('udp', 53)).toMatchObject(warned);
    expect(add('udp', 53, 0)).toMatchObject(silent);
    expect(add('udp', 1024)).toMatchObject(silent);
    expect(add('tcp', 53)).toMatchObject(silent);
    shell('sysctl -qw net.ipv4.ip_unprivileged_port_start=0');
    expect(diverter(['-V'], only)).toMatchObject(silent);
    expect(add('udp', 53)).toMatchObject(silent);
  });

  test('who may read everything needs no group, as no pin keeps it out', () => {
    attach();
    for (const call of calls) expect(diverter(call, ['net_admin', 'dac_override'], '').code).toBe(0);
  });

  test.each([
    ['1777', '0', '1777 0'],
    ['1710', '7', '1711 7'],
    ['1700', GROUP, `1710 ${GROUP}`],
  ])('through a file system of mode %s and group %s it is let as far as it must', (mode, group, after) => {
    makeGroup();
    shell(`chgrp ${group} /sys/fs/bpf; chmod ${mode} /sys/fs/bpf`);
    attach();
    expect(shell('stat -c "%a %g" /sys/fs/bpf').stdout).toBe(`${after}\n`);
    expect(diverter(['-V']).code).toBe(0);
  });

  test.each([
    ['a directory of its own', 'mkdir /sys/fs/bpf/ziti-glb; chown 65534 /sys/fs/bpf/ziti-glb'],
    [
      'a directory of its own, which it has locked',
      'mkdir /sys/fs/bpf/ziti-glb; chown 65534 /sys/fs/bpf/ziti-glb; LOCK',
    ],
    ['a directory that others may write', 'mkdir -m 777 /sys/fs/bpf/ziti-glb'],
    ['a directory that another group may write', 'mkdir -m 770 /sys/fs/bpf/ziti-glb; chgrp 7 /sys/fs/bpf/ziti-glb'],
    ['a link', 'mkdir /sys/fs/bpf/a; ln -s /sys/fs/bpf/a /sys/fs/bpf/ziti-glb'],
    ["somebody's map", 'ATTACH; chown 65534 /sys/fs/bpf/ziti-glb/datagrams'],
    ['a map that others may write', 'ATTACH; chmod 602 /sys/fs/bpf/ziti-glb/claims'],
    ['a map that another group may write', 'ATTACH; chgrp 7 /sys/fs/bpf/ziti-glb/claims'],
  ])('what somebody else has, %s, is not taken for ours', async (_name, put) => {
    makeGroup();
    shell(`umount /sys/fs/bpf; mount -t bpf bpf /sys/fs/bpf`);
    if (put.startsWith('ATTACH')) attach();
    shell(put.replace(/^ATTACH; |; LOCK$/, ''));
    if (put.endsWith('LOCK')) {
      const locker = router.background([
        'flock',
        '-F',
        '/sys/fs/bpf/ziti-glb',
        'sh',
        '-c',
        'echo locked; exec sleep 60',
      ]);
      await locker.line(/locked/);
    }
    const foreign = {
      code: 1,
      stderr: expect.stringMatching(
        /^diverter: \/sys\/fs\/bpf\/ziti-glb\S* is not root's, or others .*`rm -r \/sys\/fs\/bpf\/ziti-glb`/,
      ),
    };
    for (const args of [
      ['attach', 'eth0', '--from', 'any'],
      ['status'],
      ['health'],
      ['services'],
      ['detach'],
      ['flush'],
      ...calls,
    ])
      expect({ args, ...router.diverter(...args) }).toMatchObject({ args, ...foreign });
    for (const call of calls) expect(diverter(call)).toMatchObject(foreign);
    await router.stopAll();
    shell('rm -r /sys/fs/bpf/ziti-glb');
    attach();
    expect(diverter(interceptArguments(rule)).code).toBe(0);
  });

  test('what it writes into the maps, root is shown as text, and not for ever', () => {
    makeGroup();
    attach();
    router.diverts(...interceptArguments(rule));
    // ECMA-48: a title of the window, a colour by one byte and in UTF-8; Unicode: text that is turned around; half a character.
    const forged = 'a\u001b]0;owned\u0007\u009b31m\u202eü\r\n';
    expect(router.exec([...asRouter(), harnessPath, 'scribble', forged])).toMatchObject({ code: 0 });
    const shown = (...args: string[]): Result => router.exec(['timeout', '10', diverterPath, ...args]);
    const [, service = ''] = / of service (.*)$/m.exec(shown('services').stdout) ?? [];
    expect(service).toBe('a?]0;owned???31m???ü??a?]0;owned???31m???ü??a');
    expect(JSON.parse(shown('services', '--json').stdout)[0].service).toBe(service);
    for (const args of [['services'], ['status'], ['health']]) {
      const { code, stdout, stderr } = shown(...args);
      expect([code, stdout + stderr]).toEqual([
        args[0] === 'health' ? 1 : 0,
        expect.not.stringMatching(/[^\P{Cc}\n]|[\p{Bidi_Control}\ufffd]/u),
      ]);
    }
  });

  test("attach and detach are root's", () => {
    makeGroup();
    attach();
    for (const args of [['attach', 'eth0', '--from', 'any'], ['detach'], ['detach', 'eth0']])
      expect(diverter(args)).toMatchObject({ code: 1, stderr: `diverter: ${args[0]} needs root\n` });
    expect(JSON.parse(router.diverts('status', '--json')).attached).toHaveLength(1);
  });
});
