import * as z from 'zod';
import { type Finding, finding } from './finding.ts';

/** `diverter status --json` prints this, as far as it is judged here. Counts are since the diverter was attached, those of the stack since the machine was started. */
export const diverterStatus = z.object({
  version: z.string(),
  attached: z.array(z.unknown()),
  strays: z.array(z.unknown()),
  services: z.number(),
  nonlocal: z.array(z.string()),
  refused: z.object({ count: z.number(), last: z.string().nullable() }),
  counters: z.record(z.string(), z.number()),
  stack: z.record(z.string(), z.number()),
});
export type DiverterStatus = z.infer<typeof diverterStatus>;

/** Undefined if it is none. */
export function readStatus(lines: readonly string[]): DiverterStatus | undefined {
  try {
    return diverterStatus.safeParse(JSON.parse(lines.join('\n'))).data;
  } catch {
    return undefined;
  }
}

/** Why the stack drops what was given to it, by its own counters, the surest first; see docs/runbook.md. */
const DROPS: readonly [counter: string, says: string, remedy: string][] = [
  [
    'TcpExtIPReversePathFilter',
    'rp_filter drops what comes by another interface than answers leave by',
    'sysctl -w net.ipv4.conf.all.rp_filter=2 there, and in /etc/sysctl.d',
  ],
  [
    'rt_cache.in_martian_src',
    'clients have addresses that the router takes for its own',
    'another dnsSvcIpRange for its tunneler',
  ],
  ['TcpExtListenOverflows', 'ziti-router does not keep up', 'more routers, or larger ones'],
  [
    'TcpOutRsts',
    'nobody listens where packets arrive: a DNAT rule sends them elsewhere',
    'iptables -t nat -S PREROUTING there',
  ],
];

/** A router's own diverter is asked what is wrong with it. */
export function judge(
  label: string,
  { attached, strays, nonlocal, refused, counters, stack }: DiverterStatus,
): Finding[] {
  const check = 'packets';
  const count = (name: string) => counters[name] ?? 0;
  const answered = count('delivered_established') + count('delivered_connected');
  const given = count('delivered_service') + count('delivered_local');
  const [, why = 'a firewall of the router drops them', what = 'nft list ruleset there'] =
    DROPS.find(([name]) => (stack[name] ?? 0) > 0) ?? [];
  const silent = `${label}: ${given} packets were given to the kernel, and not one connection came of it: ${why}`;
  const lost = `no packet is diverted to ${nonlocal.join(', ')}, for it is not the router's own`;
  const found = [
    ...(attached.length === 0
      ? [
          finding(
            'fault',
            check,
            `${label}: its diverter is attached to nothing`,
            'systemctl restart ziti-glb-diverter there',
          ),
        ]
      : []),
    ...(strays.length > 0
      ? [
          finding(
            'fault',
            check,
            `${label}: another program sees packets before the diverter`,
            'sudo diverter status there names it',
          ),
        ]
      : []),
    ...(nonlocal.length > 0
      ? [finding('fault', check, `${label}: ${lost}`, 'sudo diverter status there says why')]
      : []),
    ...(refused.count > 0
      ? [
          finding(
            'warning',
            check,
            `${label}: ${refused.count} rules were refused, the last: ${refused.last}`,
            'journalctl -t diverter there',
          ),
        ]
      : []),
    ...(given > 0 && answered === 0 ? [finding('fault', check, silent, what)] : []),
  ];
  return found.length > 0 ? found : [finding('ok', check, `${label}: ${given + answered} delivered`)];
}

/** Routers that have answered are to have one version. */
export function sameVersion(versions: ReadonlyMap<string, string>): Finding[] {
  const by = Map.groupBy(versions, ([, version]) => version);
  if (by.size < 2) return [];
  const says = [...by].map(([version, all]) => `${version}: ${all.map(([label]) => label).join(', ')}`).join('; ');
  return [
    finding('warning', 'versions', `routers have different diverters: ${says}`, 'see: npm run -s ziti-glb -- plan'),
  ];
}
