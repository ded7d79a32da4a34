import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { run } from '../../local/fabric/process.ts';
import { findZiti, zitiUnavailable } from '../../local/fabric/ziti.ts';
import { resolve } from '../../local/stack/intrinsics.ts';
import { parseTemplate } from '../../local/stack/template.ts';
import { documents, read } from '../support/documents.ts';
import { describeKernel } from '../support/kernel.ts';
import { temporaryFolder } from '../support/packaged.ts';

const chapter = documents.get('docs/routers.md')?.split('## From zero to a router')[1]?.split('\n## ')[0] ?? '';
const isOnline = (name: string) => `ziti edge list edge-routers 'name="${name}"' -j | grep -q '"isOnline": true'`;
/** The chapter has these blocks, each by the heading above it. */
const blocks = chapter.split('\n### ').map((part) => ({
  heading: part.split('\n')[0] ?? '',
  shells: [...part.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, shell = '']) => shell),
}));
const shells = (heading: string) => blocks.find((each) => each.heading === heading)?.shells ?? [];
const DIVERTER = new URL('../../bpf/build/diverter', import.meta.url).pathname;

/** The example's bootstrap runs this on an instance. */
function userData(health: number): string {
  const { Resources } = parseTemplate(read('examples/routers.yml'));
  const values: Record<string, string> = {
    ...{ Install: 'true', Controller: 'controller.example', ControllerPort: '1280' },
    ...{ EnrolmentSecrets: 'ziti-glb/routers', 'AWS::Region': 'eu-central-1' },
  };
  const data = Object(Resources.Template?.Properties.LaunchTemplateData).UserData['Fn::Base64'];
  return String(
    resolve(data, {
      ref: (name) => values[name] ?? name,
      getAtt: (name) => name,
      condition: () => health === 8081,
      zones: [],
    }),
  );
}

describe('the bootstrap of examples/routers.yml', () => {
  test.each([8082, 8081])(
    'is a script, and has no value of the template left in it, with the health port %i',
    async (port) => {
      const script = userData(port);
      expect(await run(['sh', '-n'], { stdin: script })).toMatchObject({ code: 0, stderr: '' });
      expect(script).not.toMatch(/\$\{/);
      expect(script).toContain(`interface: ${port === 8081 ? '0.0.0.0' : '127.0.0.1'}:8081`);
    },
  );
});

(zitiUnavailable() ? describe.skip : describeKernel)('from zero to a router, with an OpenZiti of its own,', () => {
  const folder = temporaryFolder('zero-');
  let machine: ChildProcess;
  /** The one machine is all of the network. */
  const typed = async (script: string, seconds = 90) => {
    const enter = ['nsenter', '--target', String(machine.pid), '--net', '--mount', '--wd=.'];
    const environment = {
      ...process.env,
      PATH: `/usr/local/bin:${process.env.PATH}`,
      ZITI_PWD: 'secret of a test',
      ZITI_CONFIG_DIR: join(folder, 'cli'),
      HOME: folder,
    };
    const { code, stdout, stderr } = await run([...enter, 'bash', '-e'], {
      environment,
      stdin: `cd ${folder}\n${script}`,
      timeout: seconds * 1000,
    });
    return { code, said: `${stdout}${stderr}` };
  };
  const done = async (script: string, seconds?: number) => {
    const { code, said } = await typed(script, seconds);
    expect([script, code, code === 0 ? '' : said]).toEqual([script, 0, '']);
    return said;
  };
  const until = (condition: string, seconds = 60) =>
    done(`for try in $(seq ${seconds * 2}); do ${condition} && exit 0; sleep 0.5; done; exit 1`, seconds + 10);
  /** A service runs for as long as the machine does. */
  const serve = (command: string, name: string) =>
    done(`(setsid ${command} >${name}.log 2>&1 & echo $! >>${folder}/pids)`);

  beforeAll(async () => {
    writeFileSync(join(folder, 'hosts'), '127.0.0.1 localhost controller.example\n');
    writeFileSync(join(folder, 'pids'), '');
    const setup = `ip link set lo up
      mount --bind ${folder}/hosts /etc/hosts
      mount -t tmpfs lib /var/lib; mkdir /var/lib/ziti-controller /var/lib/ziti-router
      mount -t bpf bpf /sys/fs/bpf
      mount -t tmpfs programs /usr/local/bin
      ln -s ${findZiti()} /usr/local/bin/ziti; ln -s ${DIVERTER} /usr/local/bin/diverter
      echo up; exec cat >/dev/null`;
    machine = spawn('unshare', ['--net', '--mount', 'sh', '-ec', setup], { stdio: ['pipe', 'pipe', 'inherit'] });
    await new Promise((up) => machine.stdout?.once('data', up));
  });
  afterAll(async () => {
    await typed(
      'xargs -r kill <pids 2>/dev/null; sleep 1; xargs -r kill -9 <pids 2>/dev/null; rm -f /tmp/gops-agent.$(cat pids).sock',
    );
    machine.kill();
  });

  test('a controller', async () => {
    const [controller = '', policies = ''] = shells('A controller');
    await serve(controller.trim(), 'controller');
    const [login = ''] = policies.split('\n');
    await until(`${login} >/dev/null 2>&1`);
    await done(policies);
  });

  test('a router: enrolled, and on line with the health check that the configuration was given', async () => {
    const [made = '', onInstance = ''] = shells('A router');
    await done(made);
    await done(`hostname() { echo localhost; }\n${onInstance}`);
    // The install leaves a router so.
    await done(`diverter attach lo --from any; sed -i 's,mode: tproxy,&:${DIVERTER},' /var/lib/ziti-router/config.yml`);
    await serve('ziti router run /var/lib/ziti-router/config.yml', 'router-1');
    await until(isOnline('router-1'));
    await until(`curl -skf https://127.0.0.1:8081/health-checks | grep -q '"healthy": true'`);
  });

  test('a service, which the router has its diverter take, once one hosts it', async () => {
    const [declared = '', asked = ''] = shells('A service');
    await done(declared);
    const [, onInstance = ''] = shells('A router');
    const host = onInstance
      .replaceAll('router-1', 'host-1')
      .replaceAll('/var/lib/ziti-router', '/var/lib/ziti-router-2')
      .replace('tproxy', 'host')
      .replace(/^cat [\s\S]*?^END\n/m, '');
    // Two routers on one machine need ports of their own.
    const ports =
      'export ZITI_ROUTER_PORT=3023 ZITI_ROUTER_LISTENER_BIND_PORT=10081; hostname() { echo localhost; }; mkdir /var/lib/ziti-router-2';
    await done(`${ports}\n${host}`);
    await serve('ziti router run /var/lib/ziti-router-2/config.yml', 'host-1');
    await until(`diverter services | grep -q '10\\.20\\.0\\.5'`);
    await until(`ziti edge list terminators 'service.name="shop"' | grep -q tunnel`);
    const said = await done(asked);
    expect(said).toMatch(/OKAY : router-1 .* Dial: Y Bind: N/);
    expect(said).toMatch(/OKAY : host-1 .* Dial: N Bind: Y/);
    expect(await done('diverter health')).toContain('every listener is there');
  });

  test('a group of routers: each by its instance’s id, once its token is there', async () => {
    const id = 'i-0123456789abcdef0';
    const [stored = ''] = shells('A group of routers');
    // A folder stands for AWS: metadata of an instance, and secrets.
    await done(`mkdir -p secrets/ziti-glb/routers
cat >/usr/local/bin/aws <<'END'
#!/bin/bash
case "$1 $2" in
  'secretsmanager create-secret') [ "$3 $5" = '--name --secret-string' ] && cp "\${6#file://}" ${folder}/secrets/"$4" ;;
  'secretsmanager get-secret-value') [ "$3 $4 $5" = '--region eu-central-1 --secret-id' ] && cat ${folder}/secrets/"$6" ;;
  *) exit 252 ;;
esac
END
cat >/usr/local/bin/systemctl <<'END'
#!/bin/sh
[ "$*" = 'enable --now ziti-router' ] && touch ${folder}/started
END
cat >/usr/local/bin/curl <<'END'
#!/bin/bash
case "\${@: -1}" in
  */api/token) [[ "$*" == *-X\\ PUT* ]] && echo session ;;
  */instance-id) [[ "$*" == *'aws-ec2-metadata-token: session'* ]] && echo ${id} ;;
  */local-ipv4) echo 127.0.0.1 ;;
  *) exec /usr/bin/curl "$@" ;;
esac
END
chmod 755 /usr/local/bin/{aws,systemctl,curl}; mount -t tmpfs fresh /var/lib/ziti-router`);
    writeFileSync(join(folder, 'user-data'), userData(8082));
    const booting = spawn(
      'nsenter',
      [
        '--target',
        String(machine.pid),
        '--net',
        '--mount',
        'env',
        '-i',
        'PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin',
        `HOME=${folder}/root`,
        'sh',
        '-e',
        join(folder, 'user-data'),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const ended = new Promise((end) => booting.once('close', end));
    const said = Promise.all([text(booting.stdout), text(booting.stderr)]);
    await done(stored);
    expect([await ended, (await said).join()]).toEqual([0, expect.any(String)]);
    expect(readFileSync(join(folder, 'started'), 'utf8')).toBe('');
    const left = await done('ls /var/lib/ziti-router; cat /var/lib/ziti-router/config.yml');
    expect(left).not.toContain('router.jwt');
    expect(left).toContain('binding: health-checks');
    await done('kill $(sed -n 2p pids); sleep 2', 20);
    await serve(`ziti router run /var/lib/ziti-router/config.yml`, 'group');
    await until(isOnline(id));
  });
});
