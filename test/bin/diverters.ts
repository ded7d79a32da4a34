import { spawnSync } from 'node:child_process';
import type { TestStack } from './stage.ts';

/** `diverter status --json` prints this where all is in order. */
export const STATUS = {
  version: '0.1.0',
  attached: [{ interface: 'ens5', hook: 'tcx' }],
  gro: { device: 'ziti-glb-gro', problem: null },
  strays: [] as object[],
  services: 2,
  nonlocal: [] as string[],
  refused: { count: 0, last: null as string | null },
  counters: { passed: 9, delivered_service: 3, delivered_established: 40 },
  stack: { TcpPassiveOpens: 3, TcpExtIPReversePathFilter: 0 },
};

/** `diverter services --json` prints this. */
export const RULES = [
  {
    ...{ service: '4OmU8W8ZPLDPl6jMk4dGw', protocol: 'tcp', destination: '10.20.0.0/24', source: '0.0.0.0/0' },
    ...{ low: 443, high: 444, listener: 40000, interface: null },
  },
  {
    ...{ service: 'QXugXNAEfgRBgzzpVJl6wF', protocol: 'udp', destination: '10.20.0.0/24', source: '0.0.0.0/0' },
    ...{ low: 443, high: 853, listener: 40001, interface: null },
  },
];

/** Programs on each router are functions of sh; each is given its words. */
const programs = (status: object, health: number) => `
diverter() {
  case "$*" in
    'status --json') printf '%s' '${JSON.stringify(status)}' ;;
    status) echo 'attached  ens5' ; echo 'delivered_service 3' ;;
    health) echo 'is it so?' >&2; return ${health} ;;
    'services --json') printf '%s\\n' '${JSON.stringify(RULES)}' ;;
    services) echo '10.20.0.0/16 TCP 443' ;;
    watch) echo 'no_service 2/s' ;;
  esac
}
timeout() { shift; "$@"; return 124; }
systemctl() { echo active; }
`;

/** The agent runs what asks routers; an install only succeeds. */
export function answering({ fake }: Pick<TestStack, 'fake'>, status: object = STATUS, { health = 0 } = {}): void {
  fake.onExec = async (_, __, options) => {
    const script = options?.stdin ?? '';
    if (!script.startsWith('{ diverter')) return { code: 0, stdout: '', stderr: '' };
    const input = programs(status, health) + script;
    const { status: code, stdout, stderr } = spawnSync('sh', ['-s'], { encoding: 'utf8', input });
    return { code, stdout, stderr };
  };
}
