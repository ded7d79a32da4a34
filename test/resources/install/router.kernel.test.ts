import { beforeAll, describe, expect, test } from '@jest/globals';
import { NODE_IP } from '../../local/fabric/topology.ts';
import { describeKernel } from '../../support/kernel.ts';
import { CONFIG, installStage, OTHER, type Parameters } from './stage.ts';

const UNIT = '/run/systemd/system/ziti-router.service';
const DROP_IN = '/etc/systemd/system/ziti-router.service.d/zz-test.conf';

describeKernel('the install', () => {
  const { fabric, shell, install, stateOf } = installStage();
  beforeAll(async () => {
    expect((await install(OTHER, 'one')).code).toBe(0);
  });
  /** A router has all as it was, after what a test makes of it. */
  const kept = async (run: () => Promise<void>) => {
    await shell(OTHER, `cp ${CONFIG} /run/config.yml; cp ${UNIT} /run/unit`);
    try {
      await run();
    } finally {
      await shell(
        OTHER,
        `cp /run/config.yml ${CONFIG}; cp /run/unit ${UNIT}; rm -f ${DROP_IN}; systemctl restart ziti-router`,
      );
      expect((await install(OTHER, 'one')).code).toBe(0);
    }
  };
  /** The unit runs this instead, as root, with nothing of what the package gives it. */
  const runs = (command: string) =>
    shell(
      OTHER,
      `mkdir -p $(dirname ${DROP_IN}); printf '[Service]\\n${['User', 'Group', 'SupplementaryGroups', 'AmbientCapabilities', 'ExecStart'].map((name) => `${name}=\\n`).join('')}ExecStart=${command}\\n' >${DROP_IN}; systemctl restart ziti-router`,
    );

  describe("sets Go's collector in ziti-router", () => {
    const collector = () =>
      shell(
        OTHER,
        "until pid=$(systemctl show -p MainPID --value ziti-router); [ $pid != 0 ]; do sleep 0.1; done; tr '\\0' '\\n' </proc/$pid/environ | grep -E '^(GOGC|GOMEMLIMIT)=' | sort",
      );
    const ours = /^GOGC=\d+\nGOMEMLIMIT=\d+MiB$/;
    const restarted = async () => {
      await shell(OTHER, 'systemctl restart ziti-router');
      return collector();
    };

    test('at its first start, and again at the next', () =>
      kept(async () => {
        await shell(OTHER, `sed -i s,tproxy:/usr/sbin/diverter,host, ${CONFIG}`);
        expect((await install(OTHER, 'one')).code).toBe(0);
        expect(await collector()).toMatch(ours);
        expect(await restarted()).toMatch(ours);
      }));

    test('by a parameter, which it reads at its next start, and for which it is not started again', () =>
      kept(async () => {
        const process = () => shell(OTHER, 'cat /run/units/ziti-router.service');
        const before = await process();
        expect((await install(OTHER, 'one', { TuneRouter: 'false' })).code).toBe(0);
        expect(await process()).toBe(before);
        expect(await restarted()).toBe('');
        expect((await install(OTHER, 'one')).code).toBe(0);
        expect(await restarted()).toMatch(ours);
      }));

    test.each([
      ['its unit', 'Environment=GOGC=50', UNIT, 'GOGC=50'],
      [
        'a drop-in that is read before ours',
        'Environment=GOMEMLIMIT=1GiB',
        DROP_IN.replace('zz', 'aa'),
        'GOMEMLIMIT=1GiB',
      ],
      ['one that is read after it', 'EnvironmentFile=/run/of-owner', DROP_IN, 'GOGC=off\nGOMEMLIMIT=2GiB'],
    ])('where nobody else has: not by %s', async (_, line, file, has) => {
      await kept(async () => {
        await shell(
          OTHER,
          `mkdir -p $(dirname ${file}); printf 'GOGC=off\\nGOMEMLIMIT=2GiB\\n' >/run/of-owner; [ -e ${file} ] || echo '[Service]' >${file}; sed -i '/^\\[Service\\]/a ${line}' ${file}`,
        );
        expect(await restarted()).toBe(has);
        expect(await restarted()).toBe(has);
      });
      await shell(OTHER, `rm -f ${DROP_IN.replace('zz', 'aa')}`);
    });
  });

  describe('of a router whose configuration', () => {
    const isUnchanged = async (parameters: Parameters, says: unknown) => {
      const before = await stateOf(OTHER);
      const { code, stderr } = await install(OTHER, 'two', parameters);
      expect([code, stderr]).toEqual([1, says]);
      expect(await stateOf(OTHER)).toBe(before);
    };

    test(
      'has no health checks, is refused where they are asked for, with the lines to add, and only there',
      () =>
        kept(async () => {
          await shell(OTHER, `sed -i '/^web:/,$d' ${CONFIG}`);
          const says = expect.stringMatching(
            /has no health checks on port 8081.*\nweb:\n {2}- name: [\s\S]*binding: health-checks\n$/,
          );
          await isUnchanged({}, says);
          await isUnchanged({ HealthPort: '8082', HealthOptions: '--router 8081' }, says);
          const { code, stderr } = await install(OTHER, 'two', { HealthPort: '8082' });
          expect([code, stderr]).toEqual([0, '']);
        }),
      60_000,
    );

    test('is in a form that is not read here, is refused with the lines to write', () =>
      kept(async () => {
        await shell(OTHER, `sed -i 's/^  - binding: tunnel/&\\n    <<: \\&x {}/' ${CONFIG}`);
        await isUnchanged(
          {},
          `ziti-glb: ${CONFIG}: its listeners have aliases or merge keys. Have it say, by hand:\nlisteners:\n  - binding: tunnel\n    options:\n      mode: tproxy:/usr/sbin/diverter\n`,
        );
      }));

    test('is where its unit says, and quotes its keys, is set there', () =>
      kept(async () => {
        const file = '/etc/ziti/edge.yaml';
        await shell(
          OTHER,
          `mkdir -p /etc/ziti; sed 's/mode: .*/"mode": host/' ${CONFIG} >${file}; sed -i 's,config.yml,edge.yaml --extend,; s,^WorkingDirectory=.*,WorkingDirectory=/etc/ziti,' ${UNIT}; systemctl restart ziti-router`,
        );
        const { code, stderr } = await install(OTHER, 'one');
        expect([code, stderr]).toEqual([0, '']);
        expect(await shell(OTHER, `grep mode ${file}`)).toBe('"mode": tproxy:/usr/sbin/diverter');
        // The router has no rules before a controller has answered.
        expect(await shell(OTHER, 'for try in $(seq 50); do diverter health && break; sleep 0.1; done | tail -1')).toBe(
          'attached, and every listener is there',
        );
      }));

    test("follows no link that its owner lays while it runs, into a directory of root's", () =>
      kept(async () => {
        const [file, dropIn] = [
          '/var/lib/ziti-router/own/config.yml',
          '/etc/systemd/system/ziti-glb-diverter.service.d',
        ];
        const swap = 'mv /var/lib/ziti-router/own /var/lib/ziti-router/was; ln -s /run/roots /var/lib/ziti-router/own';
        await shell(
          OTHER,
          `mkdir -p /var/lib/ziti-router/own /run/roots ${dropIn}; sed 's/mode: .*/mode: host/' ${CONFIG} >${file}
           chown -R ziti-router: /var/lib/ziti-router/own; sed -i 's,run config.yml,run own/config.yml,' ${UNIT}; echo of root >/run/roots/config.yml
           echo '${swap}' >/run/swap; chmod +x /run/swap; printf '[Service]\\nExecReload=/bin/sh /run/swap\\n' >${dropIn}/swap.conf`,
        );
        try {
          const { code, stderr } = await install(OTHER, 'one', { Sources: `${NODE_IP}/32 192.0.2.7/32` });
          expect([code, stderr]).toEqual([
            1,
            expect.stringContaining('/var/lib/ziti-router/own is not where it was, but a link'),
          ]);
          expect(await shell(OTHER, 'ls /run/roots; cat /run/roots/config.yml')).toBe('config.yml\nof root');
        } finally {
          await shell(OTHER, `rm -r ${dropIn} /var/lib/ziti-router/own /var/lib/ziti-router/was /run/roots`);
        }
      }));

    test('is nowhere, is told of all places', () =>
      kept(async () => {
        await shell(OTHER, `rm ${CONFIG}`);
        const { code, stderr } = await install(OTHER, 'one');
        expect([code, stderr]).toEqual([
          1,
          `ziti-glb: no configuration of ziti-router is in ${CONFIG} (of its unit), /opt/openziti/ziti-router/config.yml, /opt/netfoundry/ziti/ziti-router/config.yml or ${CONFIG}: is it enrolled?\n`,
        ]);
        await shell(
          OTHER,
          `mkdir -p /opt/openziti/ziti-router; cp /run/config.yml /opt/openziti/ziti-router/config.yml`,
        );
        expect((await install(OTHER, 'one')).code).toBe(0);
        await shell(OTHER, 'rm -r /opt/openziti/ziti-router');
      }));
  });

  test(
    'of a router whose user may not use the diverter, says so, and is undone',
    () =>
      kept(async () => {
        const user = 'setpriv --reuid 65534 --regid 65534 --clear-groups sleep infinity';
        await runs(user);
        const before = (await stateOf(OTHER)).replace(/\d+ \d+\n/, '');
        const { code, stderr } = await install(OTHER, 'two');
        expect([code, stderr]).toEqual([
          1,
          expect.stringMatching(
            /^ziti-glb: ziti-router, as nobody, may not use the diverter: .*\nziti-glb: what this install had changed is undone\n$/,
          ),
        ]);
        expect((await stateOf(OTHER)).replace(/\d+ \d+\n/, '')).toBe(before);
        expect(await shell(OTHER, 'diverter services')).toBe('');
      }),
    60_000,
  );

  test(
    'of a router that runs as a user, without what the package gives it, starts it again, once',
    () =>
      kept(async () => {
        // systemd does so from the second start on.
        await fabric.exec(OTHER, ['sh', '-c', 'cat >/run/router; chmod 755 /run/router'], {
          stdin: `#!/bin/sh
user='setpriv --reuid 65534 --regid 65534 --no-new-privs'
[ -e /run/started ] || { touch /run/started; exec $user --clear-groups sleep infinity; }
caps=-all,+net_admin,+net_bind_service
exec $user --groups $(getent group ziti-glb | cut -d : -f 3) --inh-caps $caps --ambient-caps $caps sleep infinity
`,
        });
        await runs('/run/router');
        const router = () => shell(OTHER, 'cat /run/units/ziti-router.service');
        const before = await router();
        const unasked = { HealthPort: '8082' };
        expect(await install(OTHER, 'one', unasked)).toMatchObject({ code: 0, stderr: '' });
        const after = await router();
        expect(after).not.toBe(before);
        expect(await install(OTHER, 'two', unasked)).toMatchObject({ code: 0, stderr: '' });
        expect(await router()).toBe(after);
        expect(await shell(OTHER, 'diverter services')).toBe('');
        await shell(OTHER, 'systemctl disable --now ziti-glb-health@8082');
      }),
    60_000,
  );

  test('has the diverter answer health checks with the options of the stack, and with others once these change', async () => {
    const asked = { HealthPort: '8090' };
    const unit = () =>
      shell(
        OTHER,
        'cd /run/units; until [ -s ziti-glb-health@8090.service ]; do sleep 0.1; done; cat ziti-glb-health@8090.service /etc/default/ziti-glb-health',
      );
    expect((await install(OTHER, 'one', asked)).code).toBe(0);
    const before = await unit();
    expect(before).toMatch(/\nHEALTH=""$/);
    expect((await install(OTHER, 'one', asked)).code).toBe(0);
    expect(await unit()).toBe(before);
    expect(
      await shell(OTHER, 'for try in $(seq 50); do curl -sf http://127.0.0.1:8090/ && break; sleep 0.1; done'),
    ).toBe('healthy');
    // The file has an argument of the diverter's, whatever it means to it.
    await shell(OTHER, 'echo HEALTH=--no-such-option >/etc/default/ziti-glb-health');
    expect((await install(OTHER, 'one', asked)).code).toBe(0);
    expect(await unit()).toMatch(/\nHEALTH=""$/);
    expect((await unit()).split('\n')[0]).not.toBe(before.split('\n')[0]);
    await shell(OTHER, 'systemctl disable --now ziti-glb-health@8090; rm /etc/default/ziti-glb-health');
  });
});
