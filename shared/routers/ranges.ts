import type { RoutersConfig } from '../config.ts';
import { ROUTER, type Router } from './router.ts';
import type { RoutersStep } from './steps.ts';

export interface Ranges {
  steps: RoutersStep[];
  /** What each waits for that has no range of its own yet. */
  lacking: Map<Router, string>;
}

/**
 * Gives each router that serves a DNS range of its own, and takes it back when it is no router any more. A range is claimed
 * by a tag, so two passes at once may claim one twice: it stays with who has it configured, else with the lowest id.
 */
export function ranges(routers: Router[], { dns, rangeKey }: RoutersConfig): Ranges {
  const result: Ranges = { steps: [], lacking: new Map() };
  const holders = new Map<string, Router>();
  const claimants = routers.filter(({ instance }) => instance.range !== undefined && instance.state !== 'terminated');
  for (const router of claimants.toSorted((a, b) => Number(configured(b)) - Number(configured(a)))) {
    const { role, range = '' } = router.instance;
    const over = !dns || role !== ROUTER;
    if (over && !router.target) result.steps.push(release(router));
    if (!holders.has(range) && (over || dns.slices.includes(range))) holders.set(range, router);
  }

  const free = dns?.slices.filter((slice) => !holders.has(slice)) ?? [];
  for (const router of routers) {
    const mine = holders.get(router.instance.range ?? '') === router;
    if (!dns || mine || router.standing.is !== 'serving') continue;
    const next = free.shift();
    if (next) result.steps.push(claim(router, next));
    result.lacking.set(
      router,
      next
        ? 'a DNS range of its own'
        : `a DNS range: all ${dns.slices.length} are held by others (tag ${rangeKey}); give the stack a larger dnsPool or a longer dnsPrefix`,
    );
  }
  return result;
}

/** Whether the range it claims is in its diverter's settings. */
const configured = ({ diverter }: Router) => diverter === 'wanted';

function claim({ instance, label: subject }: Router, range: string): RoutersStep {
  const says = `${subject}: gets the DNS range ${range}${instance.range ? `, for ${instance.range} is another's` : ''}`;
  return { kind: 'claim-range', instanceId: instance.id, range, subject, says };
}

function release({ instance, label: subject }: Router): RoutersStep {
  const says = `${subject}: gives back the DNS range ${instance.range}`;
  return { kind: 'release-range', instanceId: instance.id, subject, says };
}
