import ipaddr from 'ipaddr.js';
import { parseCidr } from '../shared/cidr.ts';
import { UsageError } from './command.ts';
import type { DiverterStatus } from './diverter-status.ts';
import { isAddress, type Rule } from './explain/destination.ts';
import type { Link } from './json.ts';
import type { Said } from './on-instances.ts';

const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
/** Seconds for which a client tries. */
const PATIENCE_S = 10;

/** A client is to try this. */
export interface Trial {
  url: string;
  scheme: 'http' | 'https' | 'tcp';
  /** A name or an address, without brackets. */
  host: string;
  port: number;
}

/** @throws UsageError */
export function parseTrial(text: string): Trial {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const scheme = /^(https?|tcp):$/.exec(url?.protocol ?? '')?.[1] as Trial['scheme'] | undefined;
  if (!url || !scheme || url.hostname === '')
    throw new UsageError(`${text} is no URL to try: https://10.20.0.5/, http://app.internal:8080/, tcp://10.20.0.5:22`);
  if (url.username || url.password)
    throw new UsageError('the URL has a user or password in it, and Systems Manager keeps what is run: try it without');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (!isAddress(host) && !/^[\w.-]{1,253}$/.test(host)) throw new UsageError(`${host} is no name of a host`);
  const port = Number(url.port || PORTS[url.protocol]);
  if (!port) throw new UsageError(`${text} names no port: tcp://${url.hostname}:22`);
  return { url: url.href, scheme, host, port };
}

/** A trial for which there is a service: a connection to the first address of the narrowest destination of TCP. */
export function trialOf(rules: readonly Rule[]): Trial | undefined {
  const bits = ({ destination }: Rule) => parseCidr(destination)?.prefix ?? 0;
  const [rule] = rules.filter(({ protocol }) => protocol === 'tcp').toSorted((a, b) => bits(b) - bits(a));
  const range = rule && parseCidr(rule.destination);
  if (!range) return undefined;
  const bytes = range.address.toByteArray();
  // The network's own address is no host's, if it has others.
  if (range.prefix < bytes.length * 8) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) + 1;
  const host = ipaddr.fromByteArray(bytes).toString();
  const url = `tcp://${host.includes(':') ? `[${host}]` : host}:${rule.low}`;
  return { url, scheme: 'tcp', host, port: rule.low };
}

const FIELDS = ['remote_ip', 'num_connects', 'http_code', 'size_download', 'ssl_verify_result'] as const;
const TIMES = ['time_namelookup', 'time_connect', 'time_appconnect', 'time_total'] as const;

/** Lines of sh for a client, by what each is for. */
export function programsOf({ url, scheme, host }: Trial) {
  const quoted = `'${url.replaceAll("'", '%27')}'`.replace(/^'tcp:/, "'telnet:");
  const format = [...FIELDS, ...TIMES].map((name) => `%{${name}}`).join(' ');
  return {
    names: isAddress(host) ? undefined : `getent ahosts ${host} | head -n 4`,
    links: 'ip -o link',
    way: isAddress(host)
      ? `ip -o route get ${host}`
      : `ip -o route get "$(getent ahosts ${host} | head -n 1 | cut -d ' ' -f 1)"`,
    // Whether its certificate is trusted is another question, and told.
    get: `curl -sSk -o /dev/null --max-time ${scheme === 'tcp' ? PATIENCE_S / 2 : PATIENCE_S} -w '\\n${format}\\n' ${quoted}`,
  };
}

/** A client told this of a trial: the hops before its packets leave it, those after, and the address it went for. */
export interface Outcome {
  before: Link[];
  after: Link[];
  address: string | undefined;
}

/** @param client how people know it */
export function outcomeOf(trial: Trial, client: string, said: readonly Said[]): Outcome {
  const programs = programsOf(trial);
  const of = (program: string | undefined) => said.find(({ command }) => command === program);
  const [, face = ''] = /\bdev (\S+)/.exec(of(programs.way)?.lines[0] ?? '') ?? [];
  const [, mtu] =
    new RegExp(`: ${face.replaceAll('.', '\\.')}[:@].* mtu (\\d+)`).exec(of(programs.links)?.lines.join('\n') ?? '') ??
    [];
  const leaves = face ? `leaves by ${face}${mtu ? `, MTU ${mtu}` : ''}` : 'has no route there';
  const names = of(programs.names)?.lines.flatMap((line) => line.split(/\s+/)[0] ?? []) ?? [];

  const got = of(programs.get);
  const lines = got?.lines ?? [];
  const told = lines.at(-1)?.split(' ') ?? [];
  const isTold = told.length >= FIELDS.length + TIMES.length - 1 && /^\d/.test(told.at(-1) ?? '');
  const value = (name: (typeof FIELDS)[number] | (typeof TIMES)[number]) =>
    isTold ? (told.at(-(FIELDS.length + TIMES.length) + [...FIELDS, ...TIMES].indexOf(name)) ?? '') : '';
  const error =
    lines.find((line) => line.startsWith('curl: ')) ??
    lines[0] ??
    (got ? 'curl says nothing: is it there?' : 'curl was not done in time, nor what is asked before it');
  const ms = (name: (typeof TIMES)[number]) => `${Math.round(Number(value(name)) * 1000)} ms`;
  // It tells no time_connect of a connection whose TLS failed.
  const connected = Number(value('num_connects')) > 0;
  const secured = Number(value('time_appconnect')) > 0;
  const answered = Number(value('http_code')) > 0;
  const address = connected ? value('remote_ip') : isAddress(trial.host) ? trial.host : names[0];
  const trusted = value('ssl_verify_result') === '0' ? '' : ', with a certificate that the client does not trust';
  const link = (name: string, holds: boolean, says: string): Link => ({ name, holds, says: holds ? says : error });
  const resolved = [...new Set(names)].join(' ');
  return {
    address,
    before: [
      { name: 'client', holds: face !== '', says: `${client} ${leaves}` },
      ...(programs.names
        ? [{ name: 'DNS', holds: resolved !== '', says: resolved || `${trial.host} has no address for it` }]
        : []),
    ],
    after: [
      link('connect', connected, `${address} port ${trial.port}, in ${ms('time_connect')}`),
      ...(trial.scheme === 'https' ? [link('TLS', secured, `after ${ms('time_appconnect')}${trusted}`)] : []),
      ...(trial.scheme === 'tcp'
        ? []
        : [
            link(
              'answer',
              answered,
              `${value('http_code')}, ${value('size_download')} bytes, after ${ms('time_total')}`,
            ),
          ]),
    ],
  };
}

/** Routers counted so much meanwhile, of everybody's packets. Holds if one of them was delivered. */
export function counted(routers: readonly { label: string; before: DiverterStatus; after: DiverterStatus }[]): Link {
  const changes = routers.map(({ label, before, after }) => {
    const grown = Object.entries(after.counters).flatMap(([name, count]) => {
      const more = count - (before.counters[name] ?? 0);
      return more > 0 && name !== 'passed' ? [{ name, more }] : [];
    });
    return { label, grown };
  });
  const says = changes.map(
    ({ label, grown }) => `${label}: ${grown.map(({ name, more }) => `${name} +${more}`).join(', ') || 'nothing'}`,
  );
  const holds = changes.some(({ grown }) => grown.some(({ name }) => name.startsWith('delivered_')));
  return { name: 'routers', holds, says: `${holds ? '' : 'none delivered a packet; '}${says.join('; ')}` };
}
