import { count, pauseSentence } from '../sentences.ts';
import { hubLine, hubRouters, isDead, routersOfHub, serviceCell, spokesBand, spokesOf } from './accounts.ts';
import { logLink } from './detail.ts';
import { fontSize, frame, isNarrow, link, type View } from './frame.ts';
import { FLOWS, glyph, line } from './glyphs.ts';
import { type Html, html } from './html.ts';
import { consolePage } from './links.ts';
import { byName, byVpc, type Node, type Router, type State, type Subnet, type Topology, type Zone } from './model.ts';
import { card, cell, nameButton } from './parts.ts';

/** States, the most urgent first. */
const URGENCY: readonly State[] = ['down', 'blocked', 'refused', 'conflict', 'waiting', 'leaving', 'ready'];
const worst = (states: State[]): State => URGENCY.find((state) => states.includes(state)) ?? 'ready';

/** The whole picture, as a fragment of HTML. */
export function render(shown: Topology, view: View): string {
  return frame(
    view,
    html`
      ${header(shown)}
      ${shown.hub && hubLine(shown.hub, shown)}
      ${reasons(shown, view)}
      <div class="zg-map">
        ${titles(shown)}
        ${shown.zones.map((zone) => band(zone, shown, view))}
        ${spokesBand(shown, view)}
      </div>
      ${gateways(shown)}
      ${key(shown)}`,
    isCompact(shown, view),
  );
}

const hasOtherAccounts = (shown: Topology) => shown.hub !== undefined || spokesOf(shown).length > 0;

/** The columns' titles: what stands there, and the account that has it where that differs. */
function titles(shown: Topology): Html {
  const { account, hub } = shown;
  const here = hasOtherAccounts(shown) ? ` of account ${account}` : '';
  const there = hub ? ` of account ${hub.account}` : '';
  return html`
    <div class="zg-band zg-titles">
      <p>Subnets${here} and their endpoints</p>
      <p class="zg-pillar">${hub ? 'Endpoint service' : 'Gateway Load Balancer'}</p>
      <p class="zg-out"><span class="zg-row"><span></span><span>Routers${there}</span></span></p>
    </div>`;
}

/** Rows of full height, by what they take in lines of text, would not fit. */
function isCompact(shown: Topology, view: View): boolean {
  const { zones } = shown;
  const inZones = zones.reduce((sum, { subnets, routers }) => sum + Math.max(subnets.length, routers.length, 1), 0);
  const rows = inZones + spokesOf(shown).length;
  return (12 + zones.length * 4 + rows * (isNarrow(view) ? 5.5 : 4)) * fontSize(view) > view.height;
}

function header(shown: Topology): Html {
  const { place, account, vpcId, at, zones, paused, hub } = shown;
  const whose = hasOtherAccounts(shown) && html`account ${account} · `;
  const subnets = zones.flatMap((zone) => zone.subnets);
  const routers = zones.flatMap((zone) => zone.routers);
  const ready = subnets.filter((subnet) => subnet.state === 'ready');
  const healthy = routers.filter((router) => router.flow === 'carries');
  const dead = subnets.length > 0 && (hub ? isDead(hub) : healthy.length === 0);
  const fleet = routers.length === 0 ? 'no router' : `${healthy.length} of ${count(routers.length, 'router')} healthy`;
  const time = new Date(at).toISOString();
  return html`
    <div class="zg-head">
      <h2 class="zg-verdict">
        ${glyph(dead ? 'down' : worst([...subnets, ...routers].map(({ state }) => state)))}
        ${subnets.length === 0 ? 'No subnet opted in' : `${ready.length} of ${count(subnets.length, 'subnet')} ready`},
        ${hub ? routersOfHub(hub) : fleet}${paused && ', paused'}
      </h2>
      <p class="zg-muted">
        ${place.stack} · ${whose}${vpcId && html`<span class="zg-mono">${vpcId}</span> · `}${place.region} ·
        <time datetime="${time}">${time.slice(11, 19)} UTC</time>
      </p>
    </div>`;
}

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
  const { name, nodes } = zone;
  return html`
    <section class="zg-band" aria-label="Zone ${name}">
      <div class="zg-in">
        <h3 class="zg-zone">${name} <span class="zg-muted">${notOptedIn(zone, shown)}</span></h3>
        ${subnetLists(zone, shown, view)}
      </div>
      <div class="zg-pillar ${shown.crossZone && 'zg-cross'}">
        ${shown.hub ? serviceCell(shown.hub, name) : nodeCells(nodes, shown)}
      </div>
      <div class="zg-out">
        <p class="zg-zone" aria-hidden="true">&nbsp;</p>
        ${shown.hub ? hubRouters(shown.hub, name, shown.at) : routerList(zone, view)}
      </div>
    </section>`;
}

function routerList({ name, routers }: Zone, view: View): Html {
  return routers.length > 0
    ? html`<ul class="zg-rows" aria-label="Routers in ${name}">${routers.map((router) => routerRow(router, view))}</ul>`
    : html`<div class="zg-row"><span></span><p class="zg-none">No router in this zone</p></div>`;
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

/** CIDRs that its tag asks for, or stands for; struck out is what a conflict keeps from it. */
function destinations({ state, tagValue, destinations: all }: Subnet): (Html | string)[] {
  const asked = all.filter((to) => to.asked);
  const told = (asked.length > 0 ? asked : all).map(({ cidr, routed }) =>
    state === 'conflict' && !routed ? html`<s>${cidr}</s> ` : `${cidr} `,
  );
  return told.length > 0 ? told : [tagValue ?? ''];
}

function nodeCells(nodes: readonly Node[], { crossZone }: Topology): Html | Html[] {
  if (nodes.length === 0) return html`<p class="zg-muted">no node</p>`;
  const none = `no healthy router in ${crossZone ? 'reach' : 'its zone'}`;
  return nodes.map(({ address, carries }) => cell('node', address, carries ? undefined : none));
}

/** `vpce-0123456789abcdef0` as one reads it to another: its beginning. */
const short = (id: string) => id.replace(/^([a-z]+-[0-9a-f]{8})[0-9a-f]+$/, '$1…');

function key({ crossZone, hub }: Topology): Html {
  const lines = (['carries', 'pending', 'lost'] as const).map(
    (flow) => html`<li>${line(flow)} <span aria-hidden="true">${FLOWS[flow]}</span></li>`,
  );
  const reach = hub
    ? 'For each zone those routers are counted that an endpoint there reaches'
    : crossZone
      ? 'Cross-zone: each node reaches every router'
      : 'Not cross-zone: each node reaches the routers of its zone';
  return html`<ul class="zg-key" aria-label="Key">${lines}<li>${reach}</li></ul>`;
}
