import { expect, test } from '@jest/globals';
import { describeKernel } from '../../support/kernel.ts';
import { installStage, OTHER, type Parameters } from './stage.ts';

type Image = Partial<Record<'release' | 'ziti' | 'update' | 'enable' | 'status', string>>;

describeKernel("the install by the tools of NetFoundry's images", () => {
  const { fabric, shell, install } = installStage();
  const KEY = 'a-key-that-nobody-may-see';

  /** An image's tools say what NetFoundry's do. Each test has its own. */
  async function image(fields: Image = {}) {
    const {
      release = '2.1.20230614',
      ziti = 'v0.27.3',
      update = 'echo Not enough privileges or ebpf not enabled!; return 1',
      enable = 'touch /run/diverted; echo Successfully converted ziti-router.service. Restarting!; return 1',
      status = '[ ! -e /run/diverted ] || echo "ens5: 2"',
    } = fields;
    const tools = `
      echo "Public IPv4: 192.0.2.1"
      [ -f "$HOME/.hushnet" ] || sleep 20
      diverter_update() { echo updated >>/run/calls; ${update}; }
      diverter_enable() { echo enabled >>/run/calls; ${enable}; }
      diverter_disable() { echo disabled >>/run/calls; rm -f /run/diverted; }
      alias diverter-update=diverter_update diverter-enable=diverter_enable diverter-disable=diverter_disable
      alias diverter-status='${status}'`;
    const files: Record<string, string> = {
      '/etc/nfrelease': release,
      '/etc/profile.d/nfhelp.sh': tools,
      '/opt/netfoundry/ziti/ziti': `#!/bin/sh\necho ${ziti}`,
      '/opt/netfoundry/set-ip.sh': '#!/bin/sh\necho set-ip "$@" >>/run/calls',
      '/opt/netfoundry/router-registration': '#!/bin/sh\necho register "$@" >>/run/calls; echo "registered with $7"',
      '/usr/local/bin/aws': `#!/bin/sh\necho aws "$@" >>/run/calls; echo ${KEY}`,
    };
    await shell(OTHER, 'rm -f /run/diverted /run/calls /var/lib/ziti-glb/registered; mkdir -p /opt/netfoundry/ziti');
    // A router that has no road to AWS from the start has none to lose.
    await shell(OTHER, 'echo 127.0.0.2 ssm.eu-central-1.amazonaws.com >>/etc/hosts');
    for (const [path, text] of Object.entries(files))
      await fabric.exec(OTHER, ['sh', '-c', `cat >${path}; chmod 755 ${path}`], { stdin: `${text}\n` });
  }
  const convert = (parameters: Parameters = {}) =>
    install(OTHER, 'one', { Diverter: 'netfoundry', Url: '', Sha256: '', Sources: '', ...parameters });
  const calls = () => shell(OTHER, 'cat /run/calls');

  test('understands what they are known to say, and does nothing the second time', async () => {
    await image();
    expect((await convert()).code).toBe(0);
    expect(await calls()).toBe('updated\nenabled');
    expect((await convert()).code).toBe(0);
    expect(await calls()).toBe('updated\nenabled');
  });

  test.each<[string, Image, string]>([
    ['an older image', { release: '2.1.20230613' }, 'is 2.1.20230613, and 2.1.20230614 or later is needed'],
    ['another image', { release: '' }, 'this is no image of NetFoundry'],
    ['an older OpenZiti', { ziti: 'v0.27.2' }, 'OpenZiti is 0.27.2, and 0.27.3 or later (CloudZiti 7.3.83) is needed'],
    ['an update that fails', { update: 'echo no disk left; return 1' }, 'diverter-update failed: no disk left'],
    ['a conversion that fails', { enable: 'echo no tunnel; return 1' }, 'diverter-enable failed: no tunnel'],
  ])('refuses %s, and undoes what it did', async (_, fields, says) => {
    await image(fields);
    const { code, stderr } = await convert();
    expect([code, stderr]).toEqual([1, expect.stringContaining(says)]);
    expect(await shell(OTHER, 'ls /run/diverted')).toContain('No such file');
  });

  test('sets the DNS range, with a key that is read on the router and shown nowhere', async () => {
    await image();
    const parameters = { Range: '100.64.0.0/13', Resolver: '100.127.255.254', RegistrationKey: '/keys/{instanceId}' };
    const { code, stdout, stderr } = await convert(parameters);
    expect([code, stderr]).toEqual([0, '']);
    expect(await calls()).toBe(
      [
        'updated',
        'enabled',
        `aws ssm get-parameter --with-decryption --name /keys/${OTHER} --query Parameter.Value --output text`,
        'set-ip -tp=static -ip=100.127.255.254 -pr=32 -in=lo -f',
        `register --dnsIPRange 100.64.0.0/13 --lanIf ens5 --tunnel_ip 100.127.255.254 ${KEY}`,
      ].join('\n'),
    );
    const log = await shell(OTHER, 'cat /var/lib/ziti-glb/install.log');
    expect(log).toContain('registered with ***');
    expect(stdout + stderr + log).not.toContain(KEY);
    await convert(parameters);
    expect((await calls()).match(/register/g)).toHaveLength(1);
  });
});
