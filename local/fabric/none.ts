import type { Fabric, Network } from './fabric.ts';

/**
 * A fabric for where namespaces cannot be: the control plane works alone. No program runs and no packet flows; programs
 * are said to have succeeded, and a target is healthy while its instance is up.
 * @param reason why there is none, for people.
 */
export function noFabric(reason: string): Fabric {
  let network: Pick<Network, 'instances' | 'interfaces'> = { instances: [], interfaces: [] };
  const crashed = new Set<string>();
  const isUp = (instanceId: string) =>
    network.instances.some(({ id }) => id === instanceId) && !crashed.has(instanceId);

  return {
    description: `No packets flow: ${reason}. Programs are not run but said to succeed, and instances that are up are healthy.`,
    sync: async ({ instances, interfaces }) => {
      network = { instances: [...instances], interfaces: [...interfaces] };
      for (const id of crashed) if (!instances.some((instance) => instance.id === id)) crashed.delete(id);
    },
    exec: async (instanceId, argv) => {
      if (!isUp(instanceId)) throw new Error(`${instanceId} is not up`);
      return { code: 0, stdout: `Not run, since ${reason}: ${argv.join(' ')}\n`, stderr: '' };
    },
    probe: async (_nodeId, { ip }) => {
      const target = network.interfaces.find((face) => face.ip === ip)?.instanceId;
      return target && isUp(target) ? { healthy: true } : { healthy: false, reason: 'Target.Timeout' };
    },
    crash: async (instanceId) => {
      if (!isUp(instanceId)) throw new Error(`${instanceId} is not up`);
      crashed.add(instanceId);
    },
    close: async () => {},
  };
}
