import { overlaps } from '../cidr.ts';
import type { Reason } from '../conditions/condition.ts';
import type { RoutersConfig } from '../config.ts';
import { aboutRouters, ROUTER, type Router } from './router.ts';
import type { RoutersStep } from './steps.ts';

export interface Ranges {
  steps: RoutersStep[];
  /** Routers that have no range of their own yet wait for this. */
  awaited: Map<Router, Reason>;
}

/**
 * Gives each router that serves a DNS range of its own, and takes it back when it is no router any more. A range is claimed
 * by a tag, so two passes at once may claim one twice: it stays with who has it configured, else with the lowest id. Of two
 * that overlap, as after a change of the pool or the prefix, the same is true: until a router is configured anew it keeps both.
 */
export function ranges(routers: Router[], { dns, rangeKey }: RoutersConfig, vpcCidrs: string[]): Ranges {
  const result: Ranges = { steps: [], awaited: new Map() };
  const there = routers.filter(({ instance }) => instance.state !== 'terminated');
  const claimants = there.filter(({ instance }) => instance.range !== undefined);
  for (const router of claimants)
    if (isOver(router, dns) && !isUsed(router)) result.steps.push({ kind: 'release-range', ...stepOn(router) });
  if (!dns) return result;
  const { usable, ofVpc } = divided(dns.slices, vpcCidrs);
  const none: Reason = {
    code: ofVpc.length === 0 ? 'dns-pool-held' : usable.length === 0 ? 'dns-pool-of-vpc' : 'dns-pool-held-and-of-vpc',
    ...{ held: usable.length, ofVpc: ofVpc.length, rangeKey },
  };

  const configured = there.filter((router) => claimants.includes(router) || router.instance.role === ROUTER);
  const held = [
    ...configured.map((router) => ({ router, range: router.configured ?? '' })),
    ...claimants.map((router) => ({ router, range: router.instance.range ?? '' })),
  ];
  const won: Holding[] = [];
  for (const one of held) if (isFree(one.range, one.router, won)) won.push(one);

  for (const router of routers) {
    const { range } = router.instance;
    const mine = won.some((one) => one.router === router && one.range === range) && usable.includes(range ?? '');
    if (mine || router.phase.kind !== 'serving' || router.noRoom.length > 0) continue;
    // The one that it has, if only its note is lost: then nothing changes for anybody.
    const next = [router.configured ?? '', ...usable].find(
      (slice) => usable.includes(slice) && isFree(slice, router, held),
    );
    if (next) {
      held.push({ router, range: next });
      result.steps.push({ kind: 'claim-range', range: next, ...stepOn(router) });
    }
    result.awaited.set(router, next ? { code: 'dns-range' } : none);
  }
  return result;
}

/** Routes can lead the usable slices of a pool to a router, and never those of the VPC: its own route is there. */
export function divided(slices: readonly string[], vpcCidrs: readonly string[]): { usable: string[]; ofVpc: string[] } {
  const isOfVpc = (slice: string) => vpcCidrs.some((own) => overlaps(own, slice));
  return { usable: slices.filter((slice) => !isOfVpc(slice)), ofVpc: slices.filter(isOfVpc) };
}

interface Holding {
  router: Router;
  range: string;
}

/** A range is free if none of its addresses is another's. */
const isFree = (range: string, router: Router, held: Holding[]) =>
  held.every((holding) => holding.router === router || !overlaps(holding.range, range));

const isOver = ({ instance }: Router, dns: RoutersConfig['dns']) => !dns || instance.role !== ROUTER;

/** Clients may still be sent to the range of a target that is not yet configured to be without. */
const isUsed = ({ instance, target, diverter }: Router) =>
  target !== undefined && (instance.role !== ROUTER || diverter !== 'wanted');

const stepOn = (router: Router) => ({
  instanceId: router.instance.id,
  about: aboutRouters(router),
  context: { held: router.instance.range },
});
