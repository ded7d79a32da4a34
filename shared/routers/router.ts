import { createHash } from 'node:crypto';
import { TAGS_AT_MOST } from '../aws/read.ts';
import type { Reason } from '../conditions/condition.ts';
import type { RoutersConfig } from '../config.ts';
import type { Note } from '../note.ts';
import type { Ref } from '../ref.ts';
import type { Instance, RoutersWorld, Target } from './world.ts';

/** The value of the tag that makes an instance a router. */
export const ROUTER = 'router';
/** The tag for the diverter says so of a target that has none yet. */
export const NO_DIVERTER = 'none';

/** A tagged instance is to be one of these, and why if it is not a router that serves. */
export type Phase =
  /** It is to be a healthy target. */
  | { kind: 'serving' }
  /** It waits in a warm pool, with a diverter, and is no target. */
  | { kind: 'prepared' }
  /** It has no diverter yet, and is no target. */
  | { kind: 'starting' }
  /** It is to be no target. */
  | { kind: 'leaving'; reason: Reason }
  /** It is to be no target until a person changes something. */
  | { kind: 'refused'; reason: Reason };

/** A router is an instance, and what follows from it alone. */
export interface Router {
  instance: Instance;
  /** Its id and name, for people. */
  label: string;
  target: Target | undefined;
  phase: Phase;
  wanted: Wanted;
  /** Fingerprint of the diverter it has; undefined if none is known of since it was started, and from the root volume it has. */
  present: string | undefined;
  /** Its install's own answer says so, or our note of it. */
  proven: boolean;
  diverter: 'wanted' | 'other' | 'none';
  /** Keys of the notes that it has to have, and that there is no room for. */
  noRoom: string[];
  /** The DNS range that ziti-router's configuration has there, as far as is known: a stop does not take it away, another root volume does. */
  configured: string | undefined;
}

export interface Wanted {
  /** Empty if the image's own tools bring it. */
  sha256: string;
  sources: string[];
  range: string | undefined;
  /** Names all of it: `VERSION.SETTINGS`, and the range after a further dot. It stands in the command's comment and in the instance's tag, so that AWS remembers it for us. */
  fingerprint: string;
}

/** AWS may say one of these of an instance, and its tag then does. */
export const REBALANCE = 'AWS advises to replace it (rebalance recommendation)';
export const INTERRUPTION = 'AWS takes it back within two minutes (Spot interruption)';

/** Lifecycle hooks are ours to answer if their names begin so: their group was set up for us. Others hold an instance for someone else. */
export const HOOK_PREFIX = 'ziti-glb';

export const isOurHook = (name: string) => name.startsWith(HOOK_PREFIX);

/** An instance is on its way into a warm pool while a hook holds it so: from its launch or, where the pool takes them back, from service. */
export const ENTERS_POOL = 'Warmed:Pending:Wait';

const ARCHITECTURES: Record<string, string> = { x86_64: 'amd64', arm64: 'arm64' };

export const aboutRouters = (...routers: Router[]): Ref => ({
  label: routers.map(({ label }) => label).join(', '),
  ids: routers.map(({ instance }) => instance.id),
});

export function routersOf(world: RoutersWorld, config: RoutersConfig): Router[] {
  const targets = new Map(world.targets.map((target) => [target.id, target]));
  return world.instances
    .map((instance) => {
      const wanted = wantedBy(instance, world, config);
      const last = lastPut(instance);
      const target = targets.get(instance.id);
      const isFresh = (note: Note | undefined) => note !== undefined && note.at >= bareSince(instance);
      const proven = isFresh(last);
      // Anybody may say so: it tells in which order those are installed again that may serve, and nothing else.
      const claimed =
        instance.role === ROUTER && target && isFresh(instance.claimed) ? instance.claimed?.text : undefined;
      const present = proven ? last?.text : claimed === NO_DIVERTER ? undefined : claimed;
      return {
        instance,
        label: instance.name ? `${instance.id} (${instance.name})` : instance.id,
        target,
        phase: phaseOf({ instance, target, present }, world, config),
        wanted,
        present,
        proven,
        configured: last && last.at >= instance.rootedAt ? rangeOf(last.text) : undefined,
        noRoom: noRoomFor(instance, config),
        diverter: present === undefined ? 'none' : proven && present === wanted.fingerprint ? 'wanted' : 'other',
      } satisfies Router;
    })
    .sort((a, b) => (a.instance.id < b.instance.id ? -1 : 1));
}

/** An instance is somebody else's that carries neither the tag nor a note of ours: a router has the one for its diverter before it becomes a target, and keeps it. */
export const isForeign = ({ instance: { role, diverter, range, state } }: Router) =>
  role === undefined && diverter === undefined && range === undefined && state !== 'terminated';

/** The reason why a router is to be no target; undefined if it is to be one. */
export function whyNoTarget({ phase }: Router): Reason | undefined {
  if (phase.kind === 'leaving' || phase.kind === 'refused') return phase.reason;
  return phase.kind === 'prepared' ? { code: 'warm-pool' } : undefined;
}

/** A target stands so. */
export interface Health {
  /** Elastic Load Balancing's word, or `not registered`. */
  health: string;
  /** Its word on why the target is not healthy, e.g. `Target.Timeout`. */
  reason?: string | undefined;
  /** It has been unhealthy since then, in milliseconds since the epoch, if our note tells. */
  since?: number | undefined;
}

export const healthOf = ({ target, instance }: { target: Target | undefined; instance: Ailing }) =>
  ({
    health: target?.state ?? 'not registered',
    reason: target?.reason,
    since: target?.state === 'unhealthy' ? unhealthySince(instance) : undefined,
  }) satisfies Health;

type Ailing = Pick<Instance, 'unhealthy' | 'launchedAt' | 'rootedAt'>;

/** Our note tells this. One from before a start, or of another root volume, is of what is over. */
export const unhealthySince = ({ unhealthy, ...instance }: Ailing): number | undefined =>
  unhealthy && unhealthy.at >= bareSince(instance) ? unhealthy.at : undefined;

export const isHealthy = ({ target }: Router) => target?.state === 'healthy';

/** A target that fails its health checks is unhealthy, but not while it has no diverter to answer them. */
export const isUnhealthy = ({ target, diverter }: Router) => target?.state === 'unhealthy' && diverter !== 'none';

/** Connections may go through a target even while AWS does not know of its health. */
export const mayServe = ({ target }: Router) =>
  target !== undefined && !['unhealthy', 'initial', 'unused'].includes(target.state);

/** A router is outdated that serves, but with another diverter than it is to have. */
export const isOutdated = (router: Router) => router.diverter === 'other' && isHealthy(router);

/** A target's diverter is exchanged only as the roll-out has it: a healthy one may be unhealthy for a moment. */
export const isUpgrade = ({ phase, diverter, target }: Router) =>
  phase.kind === 'serving' && diverter === 'other' && target !== undefined;

/** A router may need a command, and its agent is worth asking for. */
export function mayNeedCommand(router: Router): boolean {
  const { phase, diverter } = router;
  if (phase.kind === 'prepared') return diverter !== 'wanted';
  return phase.kind === 'serving' && (diverter !== 'wanted' || !isHealthy(router));
}

function phaseOf(
  router: Pick<Router, 'instance' | 'target' | 'present'>,
  world: RoutersWorld,
  config: RoutersConfig,
): Phase {
  const { instance } = router;
  const { role, state, scaling } = instance;
  const leaving = (reason: Reason): Phase => ({ kind: 'leaving', reason });
  if (role === undefined) return leaving({ code: 'untagged' });
  if (role !== ROUTER)
    return { kind: 'refused', reason: { code: 'other-role', tagKey: config.tagKey, role, wanted: ROUTER } };
  if (state === 'pending') return { kind: 'starting' };
  if (state !== 'running') return leaving({ code: 'instance-state', state });
  const unfit = unfitness(instance, world, config);
  if (unfit) return { kind: 'refused', reason: unfit };
  const phase = scaling?.state ?? 'InService';
  if (mayGoBack(router)) return leaving({ code: 'back-to-warm-pool' });
  if (/^Warmed:(Pending(:Wait)?|Running)$/.test(phase)) return { kind: 'prepared' };
  if (/Terminat|Standby|^Warmed|^ReplacingRootVolume/.test(phase))
    return leaving({ code: 'group-state', state: phase });
  const warning = warningOf(instance);
  if (warning && (warning.text !== REBALANCE || othersServe(instance, world)))
    return leaving({ code: 'warned', warning: warning.text });
  return { kind: 'serving' };
}

/** An instance has had since then only what its root volume brought along and what was installed: a start takes the diverter away too. */
export const bareSince = ({ launchedAt, rootedAt }: Pick<Instance, 'launchedAt' | 'rootedAt'>) =>
  Math.max(launchedAt, rootedAt);

/** Systems Manager has lost an agent that has registered since its instance had what it has: it last heard of it then. */
export const agentLostAt = (instance: Instance): number | undefined =>
  !instance.agentOnline && (instance.agentHeardAt ?? 0) >= bareSince(instance) ? instance.agentHeardAt : undefined;

/**
 * An instance may be on its way back to a warm pool, which nothing says. A target is. Another one that has a diverter may be until a
 * terminate hook has been answered: by then only one that was launched is still held.
 */
export function mayGoBack({ instance: { scaling }, target, present }: Pick<Router, 'instance' | 'target' | 'present'>) {
  if (scaling?.state !== ENTERS_POOL) return false;
  const ending = scaling.hooks.filter(({ launching }) => !launching);
  if (target) return ending.length > 0;
  return present !== undefined && ending.some(({ completedAt }) => completedAt === undefined);
}

type Warned = Pick<Instance, 'leaving' | 'warned' | 'launchedAt'>;

/**
 * AWS's warning of an instance; one that was started again has outlived it. What is certain counts before it is noted, advice
 * only then: it is to be followed to its end, whichever process sees to that.
 */
export function warningOf({ leaving, warned, launchedAt }: Warned): Note | undefined {
  const isCertain = warned?.text === INTERRUPTION && leaving?.text !== INTERRUPTION;
  return [isCertain ? warned : undefined, leaving].find((note) => note && note.at >= launchedAt);
}

/** A router's tag does not tell this warning yet. Advice takes nothing from what is certain. */
export function unnotedWarning({ instance }: Router, config: RoutersConfig): Note | undefined {
  const { warned, launchedAt, role } = instance;
  if (!warned || warned.at < launchedAt || role !== ROUTER || !mayStandThere(instance, config)) return undefined;
  const noted = warningOf({ ...instance, warned: undefined });
  if (!noted) return warned;
  return (noted.text === warned.text ? noted.at < warned.at : warned.text === INTERRUPTION) ? warned : undefined;
}

/** Another router serves that AWS has not warned of: only then is advice to replace one followed. */
function othersServe({ id }: Instance, { instances, targets }: RoutersWorld): boolean {
  const warned = new Set(instances.filter(warningOf).map((instance) => instance.id));
  return targets.some((target) => target.state === 'healthy' && target.id !== id && !warned.has(target.id));
}

/** An instance may be a router only where the stack was told that its routers stand. */
export function mayStandThere(
  { subnetId, profile }: Pick<Instance, 'subnetId' | 'profile'>,
  { routerSubnets, routerProfile }: RoutersConfig,
): boolean {
  const inSubnet = routerSubnets.length === 0 || routerSubnets.includes(subnetId ?? '');
  return inSubnet && (routerProfile === '' || profile === routerProfile);
}

/** The reason why an instance cannot be a router of this load balancer at all. */
function unfitness(instance: Instance, world: RoutersWorld, config: RoutersConfig): Reason | undefined {
  const { subnetId = '', zone = '', profile, architecture, windows, address } = instance;
  const zones = world.nodes.map((node) => node.zone).sort();
  if (zones.length > 0 && !zones.includes(zone)) return { code: 'other-zone', zone, zones: zones.join(', ') };
  if (!mayStandThere({ subnetId, profile: config.routerProfile }, config))
    return { code: 'other-subnet', subnetId, routerSubnets: config.routerSubnets.join(', ') };
  if (!mayStandThere(instance, config))
    return { code: 'other-profile', profile: profile ?? 'none', routerProfile: config.routerProfile };
  const noRoom = noRoomFor(instance, config);
  // One that is a target stays one.
  if (noRoom.length > 0 && !world.targets.some(({ id }) => id === instance.id)) return tooFull(instance, noRoom);
  if (!address) return { code: 'no-ipv4' };
  if (windows) return { code: 'windows' };
  if (config.diverter === 'own' && !buildFor(architecture, config)) return { code: 'no-diverter-built', architecture };
  return undefined;
}

/** Notes that it is known by go before what they tell of: without room for one there is nothing to be done. */
function noRoomFor({ keys, interfaces }: Instance, { diverterKey, checkKey, rangeKey, dns }: RoutersConfig): string[] {
  const checked = interfaces.some(({ sourceDestCheck }) => sourceDestCheck);
  const needed = [diverterKey, ...(checked ? [checkKey] : []), ...(dns ? [rangeKey] : [])];
  return needed.filter((key) => !keys.includes(key)).slice(Math.max(0, TAGS_AT_MOST - keys.length));
}

export const tooFull = ({ keys }: Instance, noRoom: string[]): Reason => ({
  code: 'no-room-for-notes',
  ...{ tags: keys.length, most: TAGS_AT_MOST, keys: noRoom.join(', '), missing: noRoom.length },
});

/** An instance has room for a tag that it has already, or if it has fewer than AWS allows. */
export const hasRoomFor = ({ keys }: Instance, key: string) => keys.length < TAGS_AT_MOST || keys.includes(key);

/** An instance has room for a tag that can be done without, beside those that cannot, and beside AWS's warning, which comes once. */
export function hasRoomToSpare(instance: Instance, key: string, config: RoutersConfig): boolean {
  const keys = [...new Set([...instance.keys, key, config.leavingKey])];
  return keys.length <= TAGS_AT_MOST && noRoomFor({ ...instance, keys }, config).length === 0;
}

const buildFor = (architecture: string, { builds }: RoutersConfig) => builds.get(ARCHITECTURES[architecture] ?? '');

function wantedBy({ architecture, range }: Instance, { nodes }: RoutersWorld, config: RoutersConfig): Wanted {
  const own = config.diverter === 'own';
  const sha256 = (own && buildFor(architecture, config)) || '';
  // NetFoundry's diverter does not ask where GENEVE comes from.
  const sources = own ? nodes.map(({ address }) => `${address}/32`).sort() : [];
  const version = digest([config.diverter, config.reply, sha256, config.dns && range, config.dns?.resolver]);
  const names = [
    version,
    digest([sources, config.healthPort, config.healthOptions, config.tuneRouter]),
    ...(config.dns && range ? [range] : []),
  ];
  return { sha256, sources, range: config.dns && range, fingerprint: names.join('.') };
}

export const notedDiverter = ({ diverter }: Instance): Note | undefined =>
  diverter?.text === NO_DIVERTER ? undefined : diverter;

/** The diverter that was last put there. */
function lastPut(instance: Instance): Note | undefined {
  const noted = notedDiverter(instance);
  const last = instance.installs.find(({ status }) => status === 'success');
  return noted && noted.at >= (last?.requestedAt ?? 0)
    ? noted
    : last && { text: last.fingerprint, at: last.requestedAt };
}

const digest = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12);

/** The part of a fingerprint that names the program, and not whom it trusts or where it answers health checks. */
export const versionOf = (fingerprint: string) => fingerprint.split('.')[0];

const rangeOf = (fingerprint: string) => fingerprint.split('.').slice(2).join('.') || undefined;
