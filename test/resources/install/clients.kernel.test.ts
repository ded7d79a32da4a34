import { beforeAll, expect, test } from '@jest/globals';
import { ENDPOINT, NODE, NODE_IP, topology } from '../../local/fabric/topology.ts';
import { describeKernel } from '../../support/kernel.ts';
import { CLIENT, CONFIG, IMPATIENT, installStage, near, type Parameters, ROUTER } from './stage.ts';

describeKernel('the install, seen by clients,', () => {
  const { fabric, shell, install, ask, askUntilAnswered, stateOf } = installStage();
  /** The client asks for a name until there is an answer. */
  const resolve = () =>
    shell(
      CLIENT,
      'for try in $(seq 20); do exec 3<>/dev/udp/100.127.255.254/53; printf db.example >&3; timeout 1 head -c 39 <&3 2>/dev/null && break; sleep 0.2; done',
    );
  beforeAll(async () => {
    expect((await install(ROUTER, 'two', { Sources: `${NODE_IP}/32 10.0.9.201/32` })).code).toBe(0);
    expect(await askUntilAnswered()).toMatch(/^router-1 answers/);
  });

  test.each<[string, string, Parameters]>([
    ['/etc/default', 'ziti-glb-diverter', { Sources: `${NODE_IP}/32 10.0.9.202/32` }],
    ['/var/lib/ziti-router', 'config.yml', { Range: '100.72.0.0/13', Resolver: '100.127.255.254' }],
  ])('on a disk that is full, loses nothing of %s/%s', async (disk, file, change) => {
    const before = await stateOf(ROUTER);
    await shell(
      ROUTER,
      `cp -a ${disk} /run/disk && mount -t tmpfs -o size=64k full ${disk} && cp -a /run/disk/. ${disk} && rm -r /run/disk ${disk}/*.before-*`,
    );
    await shell(ROUTER, `head -c 1M /dev/zero >${disk}/filler; true`);
    const { code, stderr } = await install(ROUTER, 'two', change);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`${disk}/${file} could not be written, is the disk full?`),
    ]);
    expect(await stateOf(ROUTER)).toBe(before);
    expect(await shell(ROUTER, `ls -d ${disk}/*{-new,before-ziti-glb} 2>/dev/null`)).toBe('');
    expect((await install(ROUTER, 'two', { Sources: `${NODE_IP}/32 10.0.9.201/32` })).stderr).toBe('');
    await shell(ROUTER, `umount ${disk}`);
  });

  test('warns of a firewall that drops what is delivered, and the rule that it names lets it in', async () => {
    const before = { Sources: `${NODE_IP}/32 10.0.9.201/32` };
    await shell(
      ROUTER,
      `nft 'table inet mine { chain in { type filter hook input priority 0; policy drop; ct state established accept; iif lo accept; }; }'`,
    );
    expect(await ask()).toBe('cut off');
    const { code, stdout } = await install(ROUTER, 'two', before);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(
        /^warning: the firewall drops what comes in and is not allowed to \(inet mine in\), what the diverter has delivered too: nft insert rule inet mine in socket transparent 1 accept, or with ufw, /,
      ),
    ]);
    await shell(ROUTER, /nft insert rule [^,]*/.exec(stdout)?.[0] ?? '');
    expect(await ask()).toMatch(/^router-1 answers for 10\.20\.0\.5:80/);
    expect((await install(ROUTER, 'two', before)).stdout).toBe('');
    await shell(ROUTER, 'nft delete table inet mine');
  });

  test('has a client of another VPC, with the same address, answered through the load balancer, if the stack says so', async () => {
    const network = near();
    const far = 'vpce-0fedcba9876543210';
    await fabric.sync({
      ...network,
      vpcs: [...network.vpcs, { id: 'vpc-far', cidrs: ['10.0.0.0/16'] }],
      subnets: [
        ...network.subnets,
        { id: 'subnet-far', vpcId: 'vpc-far', zone: 'a', cidr: '10.0.1.0/24', routeTableId: 'rtb-far' },
      ],
      routeTables: [
        ...network.routeTables,
        {
          id: 'rtb-far',
          vpcId: 'vpc-far',
          routes: [
            { destination: '10.0.0.0/16', target: { kind: 'local' } },
            { destination: '10.20.0.0/16', target: { kind: 'endpoint', id: far } },
          ],
        },
      ],
      instances: [...network.instances, { id: 'i-far', name: 'far', image: 'ami-client' }],
      interfaces: [
        ...network.interfaces,
        {
          id: 'eni-far',
          instanceId: 'i-far',
          deviceIndex: 0,
          subnetId: 'subnet-far',
          ip: '10.0.1.10',
          sourceDestCheck: true,
        },
      ],
      endpoints: [
        ...network.endpoints,
        { id: far, interfaceId: 'eni-far-endpoint', subnetId: 'subnet-far', nodeId: NODE },
      ],
    });
    const answered = /^router-1 answers for 10\.20\.0\.5:80 to 10\.0\.1\.10:/;
    const askFrom = (client: string) => shell(client, 'curl -s -m 1 http://10.20.0.5/ || echo cut off');
    expect([await askFrom(CLIENT), await askFrom('i-far')]).toEqual([expect.stringMatching(answered), 'cut off']);

    expect((await install(ROUTER, 'two', { Reply: 'geneve' })).code).toBe(0);
    expect([await askFrom(CLIENT), await askFrom('i-far')]).toEqual(Array(2).fill(expect.stringMatching(answered)));
    expect((await fabric.nodeStats(NODE)).returned).toBeGreaterThan(0);

    expect((await install(ROUTER, 'two')).code).toBe(0);
    expect([await askFrom(CLIENT), await askFrom('i-far')]).toEqual([expect.stringMatching(answered), 'cut off']);
    await fabric.sync(network);
  });

  test('sets the DNS range: the router answers for names, and for the addresses it gave them, routed straight to it', async () => {
    const router = await shell(ROUTER, 'cat /run/units/ziti-router.service');
    const ranged = { Range: '100.72.0.0/13', Resolver: '100.127.255.254' };
    const { code, stdout, stderr } = await install(ROUTER, 'two', ranged);
    expect([code, stdout, stderr]).toEqual([0, '', '']);
    const options = await shell(ROUTER, `sed -n '/binding: tunnel/,/^$/p' ${CONFIG}`);
    expect(options).toBe(
      [
        '- binding: tunnel',
        '    options:',
        '      mode: tproxy:/usr/sbin/diverter #tproxy|host',
        '      resolver: udp://100.127.255.254:53',
        '      dnsSvcIpRange: 100.72.0.0/13',
      ].join('\n'),
    );
    expect(await shell(ROUTER, 'cat /run/units/ziti-router.service')).not.toBe(router);

    await fabric.sync(
      topology({
        routes: {
          '10.20.0.0/16': { kind: 'endpoint', id: ENDPOINT },
          '100.127.255.254/32': { kind: 'endpoint', id: ENDPOINT },
          '100.72.0.0/13': { kind: 'interface', id: 'eni-router-1' },
        },
        states: ['healthy', undefined],
      }),
    );
    expect(await resolve()).toBe('router-1 says: db.example is 100.72.0.1');
    expect(await ask('http://100.72.0.1/')).toMatch(/^router-1 answers for 100\.72\.0\.1:80/);
    expect(await ask()).toMatch(/^router-1 answers for 10\.20\.0\.5:80/);
  });

  test('run again with the same range, changes nothing', async () => {
    const before = await stateOf(ROUTER);
    expect((await install(ROUTER, 'two', { Range: '100.72.0.0/13', Resolver: '100.127.255.254' })).code).toBe(0);
    expect(await stateOf(ROUTER)).toBe(before);
  });

  test('and after a restart of the router, it answers for names as before', async () => {
    await shell(ROUTER, 'ip address del 100.127.255.254/32 dev lo; systemctl restart ziti-router');
    expect(await resolve()).toBe('router-1 says: db.example is 100.72.0.1');
  });

  test('to turn that off, which fails, is undone: it answers for names as before', async () => {
    const before = await stateOf(ROUTER);
    expect((await install(ROUTER, 'ill', {}, IMPATIENT)).code).toBe(1);
    expect(await resolve()).toBe('router-1 says: db.example is 100.72.0.1');
    const restarted = /\d+ \d+\n/;
    expect((await stateOf(ROUTER)).replace(restarted, '')).toBe(before.replace(restarted, ''));
  });

  test('turned off, leaves nothing of it, and goes on with all else', async () => {
    const { code, stderr } = await install(ROUTER, 'two');
    expect([code, stderr]).toEqual([0, '']);
    expect(await shell(ROUTER, `sed -n '/binding: tunnel/,/^$/p' ${CONFIG}`)).toBe(
      ['- binding: tunnel', '    options:', '      mode: tproxy:/usr/sbin/diverter #tproxy|host'].join('\n'),
    );
    const left = await shell(
      ROUTER,
      'ls /etc/systemd/system/ziti-router.service.d; ip address show dev lo | grep 100.127; diverter services | grep resolver; diverter status | head -1 | grep plain',
    );
    expect(left).toBe('');
    expect(await resolve()).toBe('');
    expect(await ask()).toMatch(/^router-1 answers for 10\.20\.0\.5:80/);
    const settled = await stateOf(ROUTER);
    expect((await install(ROUTER, 'two')).code).toBe(0);
    expect(await stateOf(ROUTER)).toBe(settled);
    const ranged = { Range: '100.72.0.0/13', Resolver: '100.127.255.254' };
    expect((await install(ROUTER, 'two', ranged)).code).toBe(0);
    expect(await resolve()).toBe('router-1 says: db.example is 100.72.0.1');
  });

  test('and when its package goes, nothing of it is left but what says so', async () => {
    const said = await shell(ROUTER, 'dpkg --purge ziti-glb-diverter 2>&1');
    expect(said).toContain(
      `until the mode of its tunnel listener in ${CONFIG} is another than tproxy:/usr/sbin/diverter`,
    );
    const left = await shell(
      ROUTER,
      `ls /usr/sbin/diverter /run/units/ziti-glb* /etc/default/ziti-glb* /run/ziti-glb-router /usr/lib/ziti-glb* /{lib,etc}/systemd/system/{ziti-glb,*/ziti-glb}* 2>/dev/null;
       ls -d /sys/fs/bpf/ziti-glb 2>/dev/null; tc qdisc show dev ens5 | grep clsact`,
    );
    expect(left).toBe('');
  });
});
