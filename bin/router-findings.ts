import type { Agent } from '../shared/aws/agents.ts';
import { endedText } from '../shared/conditions/routers.ts';
import { advised } from '../shared/conditions/sentences.ts';
import { agentAwaited } from '../shared/routers/join.ts';
import type { Router } from '../shared/routers/router.ts';
import type { SubnetsWorld } from '../shared/subnets/world.ts';
import { elseOk, type Finding, finding } from './finding.ts';

/** The load balancer's packets may have this many bytes: 8500 of an endpoint's, and 68 around them. */
const MTU = 8568;

export function sourceDestCheck(routers: readonly Router[]): Finding[] {
  const check = 'source/dest check';
  // It stays on until an install has succeeded.
  const on = routers.flatMap(({ label, instance, diverter }) =>
    instance.interfaces
      .filter(({ sourceDestCheck: is }) => is && diverter !== 'none')
      .map(({ id }) =>
        finding(
          'fault',
          check,
          `${label}: it is on at ${id}, and drops the answers of services`,
          `nothing, the next pass turns it off; if it comes back, find in CloudTrail who turns it on (ModifyNetworkInterfaceAttribute)`,
        ),
      ),
  );
  return elseOk(on, check, 'off at all interfaces of routers');
}

/** Warnings of the last install that succeeded; undefined if none of the last hour did. */
const warningsOf = ({ instance }: Router): string[] | undefined =>
  instance.installs
    .find(({ status }) => status === 'success')
    ?.output.split(' / ')
    .flatMap((line) => /^warning: (.*)/.exec(line)?.[1] ?? []);

const isOfMtu = (warning: string) => warning.startsWith('the MTU of ');

/** A router alone knows of its filters and its reverse path filter, by which it would lose packets. An install looks at them. */
export function warnings(routers: readonly Router[]): Finding[] {
  return routers.flatMap((router) =>
    (warningsOf(router) ?? [])
      .filter((warning) => !isOfMtu(warning))
      .map((warning) => {
        const [, says = warning, remedy = 'see what it says'] = /^(.*?): (.*)$/.exec(warning) ?? [];
        return finding('warning', 'router', `${router.label}: ${says}`, remedy);
      }),
  );
}

/** AWS has no call that tells the MTU. An install measures it, and its command keeps the words for an hour. */
export function mtu(routers: readonly Router[]): Finding[] {
  return routers.map((router) => {
    const { label } = router;
    const said = warningsOf(router);
    const warned = said?.find(isOfMtu);
    if (warned)
      return finding(
        'fault',
        'MTU',
        `${label}: ${warned}`,
        'set it to 9001 (ip link set dev NAME mtu 9001), and in the image too',
      );
    if (said !== undefined) return finding('ok', 'MTU', `${label}: at least ${MTU}, as its install measured`);
    return finding(
      'unknown',
      'MTU',
      `${label}: AWS does not tell it, and no install of the last hour did`,
      `on the router: ip link show; it must be ${MTU} or more`,
    );
  });
}

/** @param known agents that have registered, online or lost */
export function agents(routers: readonly Router[], known: readonly Agent[], now: number): Finding[] {
  return routers.map(({ label, instance }) => {
    // Of a router that needs no command the functions do not ask for it.
    const { isOnline = false, heardAt } = known.find(({ id }) => id === instance.id) ?? {};
    const awaited = agentAwaited({ ...instance, agentOnline: isOnline, agentHeardAt: heardAt }, now);
    if (!awaited) return finding('ok', 'agent', `${label}: online`);
    const { says, todo } = advised(awaited);
    const remedy = todo || 'nothing yet: agents register within minutes';
    return {
      ...finding(awaited.warn ? 'fault' : 'warning', 'agent', `${label} ${says}`, remedy),
      code: awaited.reason.code,
    };
  });
}

export function diverters(routers: readonly Router[]): Finding[] {
  return routers.map(({ label, diverter, present, wanted, instance }) => {
    const [last] = instance.installs;
    if (diverter === 'wanted') return finding('ok', 'diverter', `${label}: ${wanted.fingerprint}`);
    const failed = last?.status === 'failed' ? `; ${endedText(last)}` : '';
    return finding(
      diverter === 'none' ? 'fault' : 'warning',
      'diverter',
      `${label}: ${present ? `has ${present}` : 'none that is known of'}, is to have ${wanted.fingerprint}${failed}`,
      'nothing, it is exchanged router by router; see: npm run -s ziti-glb -- plan',
    );
  });
}

/** Notes that somebody else has written under the names of ours. Only the functions can tell if a seal is right. */
export function notes(
  routers: readonly Router[],
  vpcs: readonly Pick<SubnetsWorld, 'routeTables' | 'impostors'>[],
): Finding[] {
  const routeTables = vpcs.flatMap((world) => world.routeTables);
  const impostors = vpcs.flatMap((world) => world.impostors);
  const check = 'notes';
  const follows = 'nothing follows it; find in CloudTrail who wrote it (CreateTags), and delete it';
  const found = [
    ...routers
      .filter(({ instance }) => instance.claimed)
      .map(({ label }) =>
        finding(
          'warning',
          check,
          `${label}: the tag for its diverter has no seal of this stack`,
          'nothing, it is installed once more, which writes another; if it comes back, find in CloudTrail who writes it (CreateTags)',
        ),
      ),
    ...routeTables.flatMap(({ id, forged }) =>
      [...forged.values()]
        .flat()
        .map((key) => finding('warning', check, `${id}: the tag ${key} has no seal of this stack`, follows)),
    ),
    ...impostors.map(({ id, serviceName }) =>
      finding('warning', check, `${id}: it carries the tag of this stack, and belongs to ${serviceName}`, follows),
    ),
  ];
  const says = 'all have a seal, which only the functions can verify: their log says what they do not believe';
  return elseOk(found, check, says);
}
