import { count } from '../sentences.ts';
import type { Connection } from '../subnets/world.ts';
import type { View } from './frame.ts';
import { glyph, line } from './glyphs.ts';
import { type Html, html } from './html.ts';
import { type Flow, type Hub, type State, type Topology, worded } from './model.ts';
import { card, cell, nameButton } from './parts.ts';
import { NO_ENDPOINT } from './sentences.ts';

/*
 * Another account's part of the picture. A hub sees of its spokes their endpoints' connections; a spoke of its hub the service, and what the
 * hub's function tells of routers, zone by zone, of which it knows neither names nor addresses.
 */

/** The endpoints of one other account that are connected to the stack's service, or ask to be; none yet of one that may. */
export interface Spoke {
  /** Not AWS's: what a click on its name asks for. */
  id: string;
  owner: string;
  endpoints: Connection[];
  state: State;
}

export const spokesOf = ({ spokes, spokeAccounts }: Pick<Topology, 'spokes' | 'spokeAccounts'>): Spoke[] =>
  [...new Set([...spokeAccounts, ...spokes.map(({ owner }) => owner)])].sort().map((owner) => {
    const endpoints = spokes.filter((each) => each.owner === owner).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const states = endpoints.map(({ state }) => stateOf(state));
    const worst = (['refused', 'waiting', 'ready'] as const).find((each) => states.includes(each)) ?? 'leaving';
    return { id: `account-${owner}`, owner, endpoints, state: endpoints.length > 0 ? worst : 'waiting' };
  });

/** https://docs.aws.amazon.com/vpc/latest/privatelink/create-endpoint-service.html */
export function stateOf(connection: string): State {
  if (connection === 'available') return 'ready';
  if (connection.startsWith('pending')) return 'waiting';
  return connection.startsWith('delet') ? 'leaving' : 'refused';
}

/** Endpoints counted by their states, the most first. */
function counted(endpoints: readonly { state: string }[]): string {
  const groups = [...Map.groupBy(endpoints, ({ state }) => worded(state))].map(([state, all]) => ({ state, all }));
  const told = groups.toSorted((a, b) => b.all.length - a.all.length).map(({ state, all }) => `${all.length} ${state}`);
  return `${count(endpoints.length, 'endpoint')}: ${told.join(', ')}`;
}

/** A band of a hub's picture: packets come from other accounts too, in zones that only these know. */
export function spokesBand(shown: Topology, view: View): Html | false {
  const spokes = spokesOf(shown);
  if (spokes.length === 0) return false;
  const heals = shown.zones.some(({ routers }) => routers.some(({ flow }) => flow === 'carries'));
  return html`
    <section class="zg-band" aria-label="Other accounts">
      <div class="zg-in">
        <h3 class="zg-zone">Other accounts</h3>
        <ul class="zg-rows" aria-label="Spokes">${spokes.map((spoke) => spokeRow(spoke, heals, view))}</ul>
      </div>
      <div class="zg-pillar ${shown.crossZone && 'zg-cross'}"><p class="zg-muted">in zones that they choose</p></div>
      <div class="zg-out"></div>
    </section>`;
}

function spokeRow(spoke: Spoke, heals: boolean, view: View): Html {
  const { id, owner, endpoints, state } = spoke;
  const isNew = endpoints.length === 0;
  const about = html`${isNew ? 'no endpoint yet' : counted(endpoints)}`;
  const why = isNew ? [NO_ENDPOINT] : endpoints.map((each) => `${each.id} ${each.state}`);
  const pictured = { id: owner, name: owner, state, why };
  return html`
    <li class="zg-row">
      ${card(pictured, html`<span class="zg-mono">${nameButton({ id, name: owner }, view)}</span>`, about)}
      ${line(flowOf(endpoints, heals))}
    </li>`;
}

function flowOf(endpoints: readonly Connection[], heals: boolean): Flow | undefined {
  const states = endpoints.map(({ state }) => stateOf(state));
  if (states.includes('ready')) return heals ? 'carries' : 'lost';
  return states.includes('waiting') ? 'pending' : undefined;
}

/** The routers of a hub, in the words of a headline. */
export function routersOfHub({ zones, blind }: Hub): string {
  if (blind !== undefined) return 'routers not known';
  const reached = zones.filter(({ routers = 0 }) => routers > 0);
  return `healthy routers for ${reached.length} of ${count(zones.length, 'zone')}`;
}

/** The hub has told that none of its routers is healthy. */
export const isDead = ({ zones, blind }: Hub) => blind === undefined && zones.every(({ routers = 0 }) => routers === 0);

/** Whose routers a spoke reaches, by what, how that stands, and how old the news of them are. */
export function hubLine({ account, service, visible, toldAt, blind }: Hub, { at, zones }: Topology): Html {
  const endpoints = new Map(
    zones.flatMap(({ subnets }) => subnets.flatMap(({ endpoint }) => (endpoint ? [[endpoint.id, endpoint]] : []))),
  );
  const state: State = visible ? (blind === undefined ? 'ready' : 'waiting') : 'down';
  return html`
    <div class="zg-hub">
      ${glyph(state)}
      <p>
        Hub: account <b>${account}</b> · <span class="zg-mono">${service}</span>${visible ? '' : ', which is not there for this account'} ·
        ${endpoints.size > 0 ? counted([...endpoints.values()]) : 'no endpoint'} · ${told(toldAt, at)}${blind !== undefined && `: ${blind}`}
      </p>
    </div>`;
}

const told = (toldAt: number | undefined, at: number) =>
  toldAt === undefined ? 'it has told nothing of its routers' : `it told of its routers ${age(at - toldAt)}`;

/** For people. @param ms milliseconds; another machine's clock may be ahead */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${count(seconds, 'second')} ago`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} minutes ago` : `${Math.round(seconds / 3600)} hours ago`;
}

/** The zone of a hub's service, by the name that it has here. */
const zoneOf = ({ zones }: Hub, name: string) => zones.find((zone) => zone.name === name);

export function serviceCell(hub: Hub, zoneName: string): Html {
  const zone = zoneOf(hub, zoneName);
  if (!hub.visible) return html`<p class="zg-lost">not there</p>`;
  return zone ? cell('service', zone.id) : html`<p class="zg-muted">not in this zone</p>`;
}

/** Routers of a hub in a row, without their names: a spoke is told how many are healthy. */
export function hubRouters(hub: Hub, zoneName: string, at: number): Html {
  const zone = zoneOf(hub, zoneName);
  const none = hub.visible ? 'The hub serves no endpoint here' : 'Not known while the service is not there';
  if (!zone) return html`<div class="zg-row"><span></span><p class="zg-none">${none}</p></div>`;
  const { id, routers } = zone;
  const [state, flow, name]: [State, Flow, string] =
    routers === undefined
      ? ['waiting', 'pending', 'Routers not known']
      : routers === 0
        ? ['down', 'lost', 'No healthy router']
        : ['ready', 'carries', count(routers, 'healthy router')];
  const pictured = { id, name, state, why: hub.blind === undefined ? [] : [hub.blind] };
  return html`
    <ul class="zg-rows" aria-label="Routers for ${zoneName}">
      <li class="zg-row">${line(flow)} ${card(pictured, html`<b>${name}</b>`, html`${hub.toldAt === undefined ? 'not told' : `told ${age(at - hub.toldAt)}`}`)}</li>
    </ul>`;
}
