import { pauseSentence } from '../pause.ts';
import { logLink } from './detail.ts';
import { fontSize, frame, isNarrow, link, type View } from './frame.ts';
import { FLOWS, glyph, line } from './glyphs.ts';
import { type Html, html } from './html.ts';
import { consolePage } from './links.ts';
import { byName, byVpc, type Node, type Router, type State, type Subnet, type Topology, type Zone } from './model.ts';

/** States, the most urgent first. */
const URGENCY: readonly State[] = ['down', 'blocked', 'refused', 'conflict', 'waiting', 'leaving', 'ready'];
const worst = (states: State[]): State => URGENCY.find((state) => states.includes(state)) ?? 'ready';

/** The whole picture, as a fragment of HTML. */
export function render(shown: Topology, view: View): string {
  return frame(
    view,
    html`
      ${header(shown)}
      ${reasons(shown, view)}
      <div class="zg-map">
        <div class="zg-band zg-titles">
          <p>Subnets and their endpoints</p>
          <p class="zg-pillar">Gateway Load Balancer</p>
          <p class="zg-out"><span class="zg-row"><span></span>Routers</span></p>
        </div>
        ${shown.zones.map((zone) => band(zone, shown, view))}
      </div>
      ${gateways(shown)}
      ${key(shown)}`,
    isCompact(shown.zones, view),
  );
}

/** Rows of full height, by what they take in lines of text, would not fit. */
function isCompact(zones: Zone[], view: View): boolean {
  const rows = zones.reduce((sum, { subnets, routers }) => sum + Math.max(subnets.length, routers.length, 1), 0);
  return (12 + zones.length * 4 + rows * (isNarrow(view) ? 5.5 : 4)) * fontSize(view) > view.height;
}

function header({ place, vpcId, at, zones, paused }: Topology): Html {
  const subnets = zones.flatMap((zone) => zone.subnets);
  const routers = zones.flatMap((zone) => zone.routers);
  const ready = subnets.filter((subnet) => subnet.state === 'ready');
  const healthy = routers.filter((router) => router.flow === 'carries');
  const dead = healthy.length === 0 && subnets.length > 0;
  const time = new Date(at).toISOString();
  return html`
    <div class="zg-head">
      <h2 class="zg-verdict">
        ${glyph(dead ? 'down' : worst([...subnets, ...routers].map(({ state }) => state)))}
        ${subnets.length === 0 ? 'No subnet opted in' : `${ready.length} of ${count(subnets.length, 'subnet')} ready`},
        ${routers.length === 0 ? 'no router' : `${healthy.length} of ${count(routers.length, 'router')} healthy`}${paused && ', paused'}
      </h2>
      <p class="zg-muted">
        ${place.stack} · <span class="zg-mono">${vpcId}</span> · ${place.region} ·
        <time datetime="${time}">${time.slice(11, 19)} UTC</time>
      </p>
    </div>`;
}

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`;

interface Reason {
  state: State;
  why: string;
  who: Html;
  /** Undefined of what has no log lines of its own. */
  id?: string;
}

/** Reasons why not all of it is ready, the most urgent first. The same reason of many is said once. */
function reasons(shown: Topology, view: View): Html | false {
  const subjects = shown.zones.flatMap(({ subnets, routers }) => [...subnets, ...routers]).sort(byName);
  const all: Reason[] = [
    ...subjects.flatMap((subject) =>
      subject.why.map((why) => ({ state: subject.state, why, who: nameButton(subject, view), id: subject.id })),
    ),
    ...(shown.paused
      ? [{ state: 'waiting' as const, why: pauseSentence(shown.paused), who: html`${shown.place.stack}` }]
      : []),
    ...shown.notes.map(({ subject, state, why }) => ({ state, why, who: html`${subject}` })),
  ].sort((a, b) => URGENCY.indexOf(a.state) - URGENCY.indexOf(b.state));
  const groups = [...Map.groupBy(all, ({ state, why }) => `${state} ${why}`).values()];
  if (groups.length === 0) return false;
  return html`<ul class="zg-why" aria-label="Why not everything is ready">${groups.map((group) => reason(group, shown, view))}</ul>`;
}

function reason([first, ...others]: Reason[], shown: Topology, view: View): Html | false {
  if (!first) return false;
  const { state, why, who, id } = first;
  const log = id !== undefined && others.length === 0 && logLink(shown, id, view);
  return html`<li>${glyph(state)}<span><b class="zg-${state}">${state}</b> ${who}${others.map((other) => [', ', other.who])}: ${why} ${log}</span></li>`;
}

function band(zone: Zone, shown: Topology, view: View): Html {
  const { name, nodes, routers } = zone;
  return html`
    <section class="zg-band" aria-label="Zone ${name}">
      <div class="zg-in">
        <h3 class="zg-zone">${name} <span class="zg-muted">${notOptedIn(zone, shown)}</span></h3>
        ${subnetLists(zone, shown, view)}
      </div>
      <div class="zg-pillar ${shown.crossZone && 'zg-cross'}">
        ${nodes.length > 0 ? nodes.map((node) => nodeCell(node, shown)) : html`<p class="zg-muted">no node</p>`}
      </div>
      <div class="zg-out">
        <p class="zg-zone" aria-hidden="true">&nbsp;</p>
        ${
          routers.length > 0
            ? html`<ul class="zg-rows" aria-label="Routers in ${name}">${routers.map((router) => routerRow(router, view))}</ul>`
            : html`<div class="zg-row"><span></span><p class="zg-none">No router in this zone</p></div>`
        }
      </div>
    </section>`;
}

/** Under their VPCs, where not all subnets of the picture are of the load balancer's. */
function subnetLists({ name, subnets }: Zone, shown: Topology, view: View): Html | Html[] {
  const list = (label: string, some: Subnet[]) =>
    html`<ul class="zg-rows" aria-label="${label}">${some.map((subnet) => subnetRow(subnet, shown, view))}</ul>`;
  if (shown.zones.every((zone) => zone.subnets.every(({ vpcId }) => vpcId === undefined)))
    return list(`Subnets in ${name}`, subnets);
  return byVpc(subnets, shown.vpcId).map(
    ([id, some]) =>
      html`<p class="zg-vpc zg-mono zg-muted">${id}${id === shown.vpcId && ", the routers'"}</p>${list(`Subnets of ${id} in ${name}`, some)}`,
  );
}

function gateways({ gateways: all }: Topology): Html | false {
  if (all.length === 0) return false;
  const items = all.map(
    ({ id, attachmentId, owner, state }) =>
      html`<li><span class="zg-mono">${attachmentId ?? id}</span> of ${owner ?? 'an account that is not told'}: ${state}</li>`,
  );
  return html`<div class="zg-gateways"><h3>Transit gateways</h3><ul aria-label="Transit gateways">${items}</ul></div>`;
}

function notOptedIn({ subnets, others }: Zone, { tagKey }: Topology): string | undefined {
  if (others === 0) return undefined;
  if (subnets.length === 0) return `${count(others, 'subnet')}, none with the tag ${tagKey}`;
  return `${count(others, 'other subnet')} not opted in`;
}

function subnetRow(subnet: Subnet, { place }: Topology, view: View): Html {
  const { endpoint, tagValue } = subnet;
  return html`
    <li class="zg-row">
      ${card(
        subnet,
        nameButton(subnet, view),
        tagValue === undefined ? html`opted out` : html`to ${destinations(subnet)}`,
        endpoint
          ? html`<p class="zg-mono" title="${endpoint.id}">${link(consolePage(place, endpoint.id), html`${short(endpoint.id)}`)}</p><p class="zg-muted">${endpoint.state}</p>`
          : html`<p class="zg-muted">no endpoint</p>`,
      )}
      ${line(subnet.flow)}
    </li>`;
}

function routerRow(router: Router, view: View): Html {
  return html`
    <li class="zg-row">
      ${line(router.flow)}
      ${card(router, nameButton(router, view), html`${router.address}`, html`<p class="zg-muted">${router.health}</p>`)}
    </li>`;
}

/** A card: what it is and how it stands, what it is about, and AWS's own word for it. */
function card(subject: Subnet | Router, name: Html, about: Html, side: Html): Html {
  const { id, state, why } = subject;
  return html`
    <div class="zg-card" title="${[id, ...why].join('\n')}">
      ${glyph(state)}
      <div class="zg-body">
        <p class="zg-title">${name}<span class="zg-${state}">${state}</span></p>
        <p class="zg-about zg-mono zg-muted zg-clip">${about}</p>
      </div>
      <div class="zg-side">${side}</div>
    </div>`;
}

/** CIDRs that its tag asks for, or stands for; struck out is what a conflict keeps from it. */
function destinations({ state, tagValue, destinations: all }: Subnet): (Html | string)[] {
  const asked = all.filter((to) => to.asked);
  const told = (asked.length > 0 ? asked : all).map(({ cidr, routed }) =>
    state === 'conflict' && !routed ? html`<s>${cidr}</s> ` : `${cidr} `,
  );
  return told.length > 0 ? told : [tagValue ?? ''];
}

function nodeCell({ address, carries }: Node, { crossZone }: Topology): Html {
  const reach = carries ? 'reaches a healthy router' : `no healthy router in ${crossZone ? 'reach' : 'its zone'}`;
  return html`
    <div class="zg-node" title="${reach}">
      <p>node</p>
      <p class="zg-mono zg-muted">${address}</p>
      ${!carries && html`<p class="zg-lost">${reach}</p>`}
    </div>`;
}

function nameButton({ id, name }: Subnet | Router, { functionArn }: View): Html {
  return html`<button type="button" class="zg-clip" data-subject="${id}">${name}</button><cwdb-action action="call" display="popup" endpoint="${functionArn}">${JSON.stringify({ subject: id })}</cwdb-action>`;
}

/** `vpce-0123456789abcdef0` as one reads it to another: its beginning. */
const short = (id: string) => id.replace(/^([a-z]+-[0-9a-f]{8})[0-9a-f]+$/, '$1…');

function key({ crossZone }: Topology): Html {
  const lines = (['carries', 'pending', 'lost'] as const).map(
    (flow) => html`<li>${line(flow)} <span aria-hidden="true">${FLOWS[flow]}</span></li>`,
  );
  return html`<ul class="zg-key" aria-label="Key">${lines}<li>${crossZone ? 'Cross-zone: each node reaches every router' : 'Not cross-zone: each node reaches the routers of its zone'}</li></ul>`;
}
