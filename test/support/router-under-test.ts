import { type NamespaceFabric, namespaceFabric } from '../../local/fabric/namespaces.ts';
import { ENDPOINT, IMAGES, topology } from '../local/fabric/topology.ts';
import { divert } from './divert.ts';

/** A fabric whose first router runs the diverter of the package, in front of ziti-router or its stand-in, and is in use. */
export interface RouterUnderTest {
  fabric: NamespaceFabric;
  /** Resolves to what a shell on a machine says, and complains of. */
  shell(instance: string, command: string): Promise<string>;
  /** `NAME PREFIX|*.DOMAIN tcp|udp LOW HIGH [unserved]`, one a line; resolves when the router has the rules, `rules` in all. */
  declare(services: string, rules: number): Promise<void>;
  change(service: string): Promise<void>;
  remove(...names: string[]): Promise<void>;
  /** The controller goes away, and comes back. */
  away(): Promise<void>;
  back(): Promise<void>;
  /** Resolves to the address that the router gives a name. */
  resolve(name: string): Promise<string>;
  /** Resolves to the calls of the diverter since `forget`, without its path. */
  calls(): Promise<string[]>;
  forget(): Promise<void>;
  /** Starts ziti-router again; resolves when it has announced this many rules. */
  restart(rules: number): Promise<void>;
  rules(count: number): Promise<void>;
}

export const [ROUTER, CLIENT, CONTROLLER] = ['i-router-1', 'i-client-1', 'i-controller'];
export const CONFIG = '/var/lib/ziti-router/config.yml';
const SERVICE = new URL('../../local/fabric/images/controller/service.sh', import.meta.url).pathname;
/** The program writes down how it is called. */
const SEEN = '/usr/local/bin/diverter-seen';
const CALLS = '/var/lib/ziti-router/calls';

export async function openRouter(ziti?: string): Promise<RouterUnderTest> {
  const fabric = await namespaceFabric({ images: IMAGES, ...(ziti && { ziti }) });
  const shell = async (instance: string, command: string) => {
    const { stdout, stderr } = await fabric.exec(instance, ['bash', '-c', command], { timeout: 200_000 });
    return `${stdout}${stderr}`.trim();
  };
  const until = (instance: string, condition: string, what: string) =>
    shell(instance, `for try in {1..600}; do ${condition} && exit; sleep 0.1; done; echo never: ${what}`).then(
      (said) => {
        if (said.endsWith(`never: ${what}`)) throw new Error(said);
      },
    );
  const rules = (count: number) =>
    until(ROUTER, `[ "$(diverter services 2>/dev/null | grep -c ' of service ')" = ${count} ]`, `${count} rules`);
  const stand = '/run/services';

  try {
    await fabric.sync(
      topology({
        controller: ziti !== undefined,
        routes: Object.fromEntries(
          ['10.16.0.0/12', '100.64.0.0/10'].map((prefix) => [prefix, { kind: 'endpoint', id: ENDPOINT } as const]),
        ),
        states: ['healthy', undefined],
      }),
    );
    if (ziti) await until(CONTROLLER, '[ -e /run/ready ]', 'a controller');
    await fabric.exec(ROUTER, ['sh', '-c', `cat >${SEEN}; chmod 755 ${SEEN}`], {
      stdin: `#!/bin/sh\necho "$@" >>${CALLS}\nexec /usr/sbin/diverter "$@"\n`,
    });
    await divert(fabric, ROUTER, 2, { mode: SEEN });
  } catch (error) {
    await fabric.close();
    throw error;
  }

  return {
    ...{ fabric, shell, rules },
    async declare(services, count) {
      if (ziti) await shell(CONTROLLER, `xargs -P 4 -L 1 ${SERVICE} declare <<<'${services}'`);
      else await shell(ROUTER, `(cat ${stand}; echo '${services}') >${stand}.new && mv ${stand}.new ${stand}`);
      await rules(count);
    },
    async change(service) {
      const [name] = service.split(' ');
      if (ziti) await shell(CONTROLLER, `${SERVICE} change ${service}`);
      else await shell(ROUTER, `sed 's|^${name} .*|${service}|' ${stand} >${stand}.new && mv ${stand}.new ${stand}`);
    },
    async remove(...names) {
      const each = `for name in ${names.join(' ')}; do`;
      if (ziti) await shell(CONTROLLER, `${each} ${SERVICE} remove $name; done`);
      else
        await shell(
          ROUTER,
          `cp ${stand} ${stand}.new; ${each} sed -i "/^$name /d" ${stand}.new; done; mv ${stand}.new ${stand}`,
        );
    },
    async away() {
      if (ziti) await shell(CONTROLLER, 'systemctl stop ziti-controller');
      else await shell(ROUTER, 'touch /run/controller-away');
    },
    async back() {
      if (ziti) await shell(CONTROLLER, 'systemctl start ziti-controller');
      else await shell(ROUTER, 'rm -f /run/controller-away');
    },
    async resolve(name) {
      const asked = ziti
        ? `${process.execPath} -e "const r = new (require('dns').promises.Resolver)(); r.setServers(['127.0.0.1']); r.resolve4('${name}').then(([a]) => console.log(a), (e) => console.log(e.code))"`
        : `exec 3<>/dev/udp/127.0.0.1/53; printf ${name} >&3; timeout 2 dd bs=512 count=1 status=none <&3 | sed 's/.* //'`;
      return shell(ROUTER, asked);
    },
    calls: async () => (await shell(ROUTER, `cat ${CALLS}`)).split('\n').filter(Boolean),
    async forget() {
      await shell(ROUTER, `rm -f ${CALLS}`);
    },
    async restart(count) {
      await shell(ROUTER, 'systemctl restart ziti-router');
      await rules(count);
    },
  };
}
