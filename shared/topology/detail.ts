import { healthSentence } from '../routers/sentences.ts';
import { type Spoke, spokesOf, stateOf } from './accounts.ts';
import { frame, link, type View } from './frame.ts';
import { glyph } from './glyphs.ts';
import { type Html, html } from './html.ts';
import { consolePage, logLines } from './links.ts';
import { type Flow, type Router, type Subnet, type Topology, worded } from './model.ts';
import { NO_ENDPOINT } from './sentences.ts';

type Facts = [term: string, value: Html][];

const PACKETS: Record<Flow, string> = { carries: 'pass', pending: 'will pass', lost: 'are lost' };

/** All that is known of one subnet, router or account of spokes, by its id: what a click on its name shows. */
export function renderDetail(shown: Topology, id: string, view: View): string {
  const spoke = spokesOf(shown).find((candidate) => candidate.id === id);
  if (spoke) return frame(view, spokeDetail(spoke, shown, view));
  const subject = shown.zones
    .flatMap(({ subnets, routers }) => [...subnets, ...routers])
    .find((candidate) => candidate.id === id);
  if (!subject) return frame(view, html`<p>${id} is not in the picture any more.</p>`);
  const page = (pageId: string) => link(consolePage(shown.place, pageId), html`<span class="zg-mono">${pageId}</span>`);
  const { name, state, why, zone } = subject;
  const facts: Facts = [
    ['address' in subject ? 'Instance' : 'Subnet', page(id)],
    ['Zone', html`${zone}`],
    ...('address' in subject ? routerFacts(subject) : subnetFacts(subject, shown, page)),
  ];
  return frame(
    view,
    html`
      <h2 class="zg-verdict">${glyph(state)} ${name} <span class="zg-${state}">${state}</span></h2>
      ${why.length > 0 && html`<ul class="zg-detail">${why.map((reason) => html`<li>${reason}</li>`)}</ul>`}
      <dl class="zg-facts">${facts.map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`)}</dl>
      <p>${logLink(shown, id, view)}</p>`,
  );
}

function spokeDetail({ owner, state, endpoints }: Spoke, shown: Topology, view: View): Html {
  return html`
    <h2 class="zg-verdict">${glyph(state)} account ${owner} <span class="zg-${state}">${state}</span></h2>
    <ul class="zg-detail" aria-label="Endpoints">${endpoints.length === 0 && html`<li>${NO_ENDPOINT}</li>`}${endpoints.map(
      (each) => {
        const its = stateOf(each.state);
        return html`<li>${glyph(its)} <span class="zg-mono">${each.id}</span> <span class="zg-${its}">${worded(each.state)}</span> ${logLink(shown, each.id, view)}</li>`;
      },
    )}</ul>`;
}

/** A link to what the reconcilers logged of it, in the dashboard's time range. */
export function logLink({ place, hub }: Topology, id: string, { timeRange }: View): Html | undefined {
  const address = logLines(place, id, timeRange, hub ? ['subnets'] : ['subnets', 'routers']);
  return address === undefined
    ? undefined
    : html`<a class="zg-link" href="${address}" target="_blank" rel="noopener" data-log="${id}">log lines</a>`;
}

function subnetFacts(
  { vpcId, cidrs, tagValue, destinations, tableId, endpoint, flow }: Subnet,
  shown: Topology,
  page: (id: string) => Html,
): Facts {
  return [
    ['VPC', html`${page(vpcId ?? shown.vpcId)} of account ${shown.account}`],
    ['Its addresses', html`${cidrs.join(' ')}`],
    [`Tag ${shown.tagKey}`, html`${tagValue ?? 'none any more'}`],
    [
      'Routes',
      html`${destinations.map((to) => html`<div>${to.cidr}${to.routed ? '' : ': not to an endpoint of ours'}</div>`)}`,
    ],
    ['Route table', tableId ? page(tableId) : html`none`],
    ['Endpoint', endpoint ? html`${page(endpoint.id)} ${endpoint.state}` : html`none`],
    ['Packets', html`${flow ? PACKETS[flow] : 'none leave it for the load balancer'}`],
  ];
}

function routerFacts({ address, instanceState, flow, ...health }: Router): Facts {
  return [
    ['Address', html`${address}`],
    ['EC2', html`${instanceState}`],
    ['Target', html`${healthSentence(health)}`],
    ['Packets', html`${flow ? PACKETS[flow] : 'none are sent to it'}`],
  ];
}
