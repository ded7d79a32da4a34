import { gunzipSync } from 'node:zlib';
import ipaddr from 'ipaddr.js';
import * as z from 'zod';
import { contains, parseCidr } from '../../shared/cidr.ts';
import type { RouteTable, SubnetsWorld } from '../../shared/subnets/world.ts';
import { UsageError } from '../command.ts';
import type { Link } from '../json.ts';
import type { Answer } from '../on-instances.ts';

/** Where a packet is to go. */
export interface Destination {
  address: string;
  port: number | undefined;
  /** Either, if it is not given. */
  protocol?: Rule['protocol'];
}

/** @throws UsageError */
export function parseDestination(text: string): Destination {
  const [, six, four, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [undefined, undefined, text];
  const address = six ?? four ?? '';
  if (!isAddress(address) || (port !== undefined && !isPort(Number(port))))
    throw new UsageError(`${text} is no address with a port or without: 10.20.0.5:443, [2001:db8::5]:443`);
  return { address, port: port === undefined ? undefined : Number(port) };
}

export const isAddress = (text: string) => ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
export const isPort = (port: number) => Number.isInteger(port) && port >= 1 && port <= 65_535;

/** The narrowest CIDR that has an address. */
export const alone = (address: string) => `${address}/${address.includes(':') ? 128 : 32}`;

/** Which route of a table a packet to this address takes: the most specific one. Nobody looks into prefix lists here. */
export function wayTo(
  { address }: Destination,
  table: RouteTable | undefined,
  { endpoints }: Pick<SubnetsWorld, 'endpoints'>,
): Link {
  const name = 'destination';
  const route = table?.routes
    .filter(({ destination }) => contains(destination, alone(address)))
    .toSorted((a, b) => bits(b.destination) - bits(a.destination))[0];
  if (!route)
    return { name, holds: false, says: `no route of its table is for ${address}, but for what prefix lists hold` };
  const ours = endpoints.some(({ id }) => id === route.target);
  const says = `${address} takes the route ${route.destination} to ${route.target}`;
  return { name, holds: ours, says: ours ? says : `${says}, which is no endpoint of ours: its tag has to ask for it` };
}

/** A rule of the diverter, as `diverter services --json` prints it. */
const rule = z.object({
  service: z.string(),
  protocol: z.enum(['tcp', 'udp']),
  destination: z.string(),
  source: z.string(),
  low: z.number(),
  high: z.number(),
  /** The one where it counts; null for all. */
  interface: z.string().nullish(),
});
export type Rule = z.infer<typeof rule>;

/** Packed, for Systems Manager tells 24,000 characters of what a program prints. */
export const SERVICES = 'diverter services --json | gzip -9 | base64 -w 0';

/** The rules that a router has; or why they are not known. */
export function rulesOf(answer: Answer | undefined): Rule[] | { unknown: string } {
  if (!answer || 'unknown' in answer) return { unknown: answer?.unknown ?? 'Systems Manager does not say' };
  const text = answer.said.find(({ command }) => command === SERVICES)?.lines.join('') ?? '';
  try {
    return z.array(rule).parse(JSON.parse(gunzipSync(Buffer.from(text, 'base64')).toString()));
  } catch {
    return { unknown: 'it does not tell its services, or too many' };
  }
}

const bits = (cidr: string) => parseCidr(cidr)?.prefix ?? 0;

/** Which rules take a packet, from wherever if its source is not known: the most specific first, as the diverter looks; of two alike the latest, as it lists them. */
export const taking = (rules: readonly Rule[], { address, port, protocol }: Destination, source?: string): Rule[] =>
  rules
    .filter(
      ({ destination, low, high, ...of }) =>
        contains(destination, alone(address)) &&
        (port === undefined || (low <= port && port <= high)) &&
        (protocol === undefined || protocol === of.protocol) &&
        (source === undefined || contains(of.source, alone(source))),
    )
    .toSorted(
      (a, b) =>
        bits(b.destination) - bits(a.destination) ||
        Number(!a.interface) - Number(!b.interface) ||
        bits(b.source) - bits(a.source) ||
        a.high - a.low - (b.high - b.low),
    );

/** A router is to have a service for it; undefined if none that was asked tells. */
export function serviceLink(
  to: Destination,
  routers: readonly { label: string; rules: Rule[] | { unknown: string } }[],
  source?: string,
): Link | undefined {
  const name = 'service';
  const told = routers.flatMap(({ label, rules }) => (Array.isArray(rules) ? [{ label, rules }] : []));
  if (told.length === 0) return undefined;
  const what = `${to.address}${to.port === undefined ? '' : ` and port ${to.port}`}${to.protocol ? ` by ${to.protocol}` : ''}`;
  const having = told.flatMap(({ label, rules }) => {
    const by = Map.groupBy(taking(rules, to, source), ({ protocol }) => protocol);
    const firsts = [...by].map(([protocol, [first]]) => `${first?.service} (${protocol})`);
    return firsts.length > 0 ? [`${label} by ${firsts.join(' and ')}`] : [];
  });
  return having.length > 0
    ? { name, holds: true, says: having.join(', ') }
    : { name, holds: false, says: `no rule of ${told.map(({ label }) => label).join(', ')} takes ${what}` };
}
