import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecOptions, ExecResult } from './fabric.ts';
import { inNetns, ip, type Netns, openNetns } from './netns.ts';
import { firstLine, kill, type Owned, run, spawnOwned } from './process.ts';

/**
 * An instance: a network namespace, and in it a machine with a root, a PID namespace and a name of its own. The network
 * outlives the machine, as an interface in AWS does, so that a crash changes no route.
 */
export interface Instance extends Netns {
  /** @param image a folder of `images/` */
  boot(name: string, image: string): Promise<void>;
  exec(argv: string[], options?: ExecOptions): Promise<ExecResult>;
  /** The start of a command line that runs a program in it. Throws if it is not up. */
  enter(): string[];
  /** Ends the machine. Its network devices stay, but nobody is there, not even to refuse. */
  crash(devices: string[]): Promise<void>;
  close(): Promise<void>;
}

const here = fileURLToPath(new URL('.', import.meta.url));
const checkout = fileURLToPath(new URL('../..', import.meta.url));

const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  // Without it bash, its stdin being a socket, takes itself for a remote login and reads the host's ~/.bashrc.
  SHLVL: '1',
};

const NEW_NAMESPACES = ['unshare', '--mount', '--uts', '--pid', '--fork', '--kill-child'];

/** @param ziti path of OpenZiti's program, where its routers run and not their stand-in */
export async function openInstance(id: string, ziti?: string): Promise<Instance> {
  const netns = await openNetns('ip link set lo up');
  let machine: Owned | undefined;
  let init: string | undefined;

  const enter = () => {
    if (init === undefined) throw new Error(`${id} is not up`);
    return ['nsenter', '--target', init, '--net', '--pid', '--uts', '--mount', '--root', '--wd'];
  };
  const stop = async () => {
    init = undefined;
    if (machine) await kill(machine);
  };
  return {
    ...netns,
    enter,
    boot: async (name, image) => {
      const lent = [checkout, dirname(process.execPath), ...(ziti ? [dirname(ziti)] : [])];
      const boot = [`${here}instance.sh`, name, `${here}images/${image}/boot.sh`, ...lent];
      machine = spawnOwned([...inNetns(netns.pid), ...NEW_NAMESPACES, ...boot], {
        ...ENVIRONMENT,
        CHECKOUT: checkout,
        NODE: process.execPath,
        ...(ziti && { ZITI: ziti }),
      });
      machine.once('exit', () => {
        init = undefined;
      });
      init = await firstLine(machine, `${id} (${name})`);
    },
    exec: (argv, options) => run([...enter(), ...argv], { ...options, environment: ENVIRONMENT }),
    crash: async (devices) => {
      enter();
      await ip(
        netns.pid,
        devices.map((device) => `link set ${device} down`),
      );
      await stop();
    },
    close: async () => {
      await stop();
      await kill(netns.process);
    },
  };
}
