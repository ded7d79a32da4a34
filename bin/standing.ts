import type { Condition } from '../shared/conditions/condition.ts';
import { advised } from '../shared/conditions/sentences.ts';
import type { Style } from '../shared/plain.ts';
import { pauseSentence } from '../shared/sentences.ts';
import type { State, Topology } from '../shared/topology/model.ts';
import { type Finding, finding } from './finding.ts';
import type { Terminal } from './terminal.ts';

/** A state in the picture is as bad as this. A subnet or router that leaves does as asked. */
const BAD: Readonly<Record<State, Finding['is']>> = {
  ready: 'ok',
  leaving: 'ok',
  waiting: 'warning',
  conflict: 'fault',
  blocked: 'fault',
  refused: 'fault',
  down: 'fault',
};

/** Elastic Load Balancing has these reasons why a target is unhealthy; here is where to look. https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html */
const UNHEALTHY: Readonly<Record<string, string>> = {
  'Target.Timeout':
    'nothing answers in time: the machine hangs, or a security group, network ACL or firewall of it is in the way',
  'Target.FailedHealthChecks': 'the connection is refused or cut: what answers health checks does not run there',
  'Target.ResponseCodeMismatch': 'it answers that something is not as it should be: `sudo diverter health` says what',
};

/** Ends a pause. */
export const RESUME = 'npm run -s ziti-glb -- resume';

export const nameOf = ({ id, name }: { id: string; name: string }) => (name === id ? id : `${id} (${name})`);

const STYLES: Record<Finding['is'], Style> = {
  fault: 'red',
  warning: 'yellow',
  unknown: 'magenta',
  note: 'cyan',
  ok: 'green',
};

/** Rows of a table: each finding, and under it what to do. */
export const findingRows = (findings: readonly Finding[], { paint }: Pick<Terminal, 'paint'>): string[][] =>
  findings.flatMap(({ is, check, says, remedy }) => [
    [paint(STYLES[is], is), check, says],
    ...(remedy ? [['', '', `-> ${remedy}`]] : []),
  ]);

/** Findings on all that is not ready, with what the picture says of it: subnets, routers, and of what is neither these conditions. */
export function standing({ zones, place, paused, hub }: Topology, others: readonly Condition[]): Finding[] {
  const see = (id: string) => `see: npm run -s ziti-glb -- explain ${id} --stack ${place.stack}`;
  // A spoke's routers are its hub's.
  const subjects = (hub ? (['subnets'] as const) : (['routers', 'subnets'] as const)).flatMap((check) => {
    const all = zones.flatMap((zone): Told[] => (check === 'routers' ? zone.routers : zone.subnets));
    const found = all
      .filter(({ state }) => BAD[state] !== 'ok')
      .map((subject) => {
        const { id, state, why, code, reason = '' } = subject;
        const says = [`${nameOf(subject)} is ${state}`, ...why].join(': ');
        const cause = UNHEALTHY[reason];
        return { ...finding(BAD[state], check, says, cause ? `${cause}; ${see(id)}` : see(id)), code };
      });
    if (found.length > 0) return found;
    if (all.length > 0) return [finding('ok', check, `all ${all.length} are as they are to be`)];
    return check === 'subnets' ? [finding('ok', check, 'none is opted in')] : [NO_ROUTER];
  });
  const rest = others.map((condition) => {
    const { about, kind, foreign, reason } = condition;
    const { says, todo } = advised(condition);
    const text = foreign ? `${about.label}: ${says}` : `${about.label} is ${kind}: ${says}`;
    return { ...finding(foreign ? 'note' : BAD[kind], 'others', text, todo), code: reason.code };
  });
  const pause = paused
    ? [
        finding(
          'warning',
          'pause',
          `the stack is ${pauseSentence(paused)}`,
          `when that is over: ${RESUME} --stack ${place.stack}`,
        ),
      ]
    : [];
  return [...pause, ...subjects, ...rest];
}

type Told = Pick<Topology['zones'][number]['routers'][number], 'id' | 'name' | 'state' | 'why' | 'code' | 'reason'>;

const NO_ROUTER = finding('warning', 'routers', 'there is none', 'launch one, with the tag that marks a router');

/** The stack is ready, may become so by itself, or is stuck: what nobody changes stays refused. */
export function readiness({ zones, notes, paused, hub }: Topology): 'ready' | 'waiting' | 'stuck' {
  const routers = zones.flatMap((zone) => zone.routers);
  const own = notes.filter(({ foreign }) => !foreign);
  const states = [...zones.flatMap((zone) => zone.subnets), ...routers, ...own].map(({ state }) => state);
  if (states.some((state) => state === 'refused' || state === 'conflict' || state === 'blocked')) return 'stuck';
  // A spoke has no routers, and its subnets are ready only while some are in reach.
  const serves = hub !== undefined || routers.some(({ state }) => state === 'ready');
  if (serves && states.every((state) => state === 'ready')) return 'ready';
  return paused ? 'stuck' : 'waiting';
}
