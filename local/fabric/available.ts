import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The reason why this machine cannot carry packets through namespaces and eBPF, or undefined if it can. */
export function fabricUnavailable(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces and eBPF need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces and eBPF need root';
  if (!existsSync('/sys/fs/bpf')) return 'this kernel has no BPF file system';
  if (!existsSync('/dev/net/tun')) return 'there is no /dev/net/tun (a container needs --privileged)';
  const { status } = spawnSync('unshare', ['--net', '--mount', 'true']);
  if (status === 1) return 'this root may not make namespaces (a container needs --privileged)';
  return undefined;
}

/** The reason why this kernel does not run the diverter that is built, by trying it; undefined if it does. */
export function diverterRefused(): string | undefined {
  const diverter = fileURLToPath(new URL('../../bpf/build/diverter', import.meta.url));
  const script = 'mount -t bpf bpf /sys/fs/bpf && ip link set lo up && exec "$0" attach lo --from any';
  const { status, stderr } = spawnSync('unshare', ['--net', '--mount', 'sh', '-c', script, diverter], {
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `the diverter does not run here, and needs Linux 6.1 or later: ${stderr.trim()}`;
}
