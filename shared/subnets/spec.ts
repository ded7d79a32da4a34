import { formatCidr, holds, overlap, parseCidr, type Range } from '../cidr.ts';
import type { Reason } from '../conditions/condition.ts';

/** A subnet's tag asks for these: destinations in the form AWS gives them back, or why the whole value is refused. */
export type Spec = { cidrs: string[]; takeover: boolean } | { refused: Reason };

/** Goes first in a value: routes that lead elsewhere are to be taken over, and given back at the end. */
const TAKEOVER = 'takeover';
/** Stands for the stack's own list. */
const DEFAULT = 'default';

/** A route can lead to none of these, or nothing would come back from there. Ranges that hold more than these are nobody's mistake. */
const CLOSED = [
  { cidr: '127.0.0.0/8', whose: 'a machine itself' },
  { cidr: '169.254.0.0/16', whose: 'the link' },
  { cidr: '224.0.0.0/3', whose: 'multicast and what is reserved' },
  { cidr: '::1/128', whose: 'a machine itself' },
  { cidr: 'fe80::/10', whose: 'the link' },
  { cidr: 'ff00::/8', whose: 'multicast' },
  // https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html
  { cidr: 'fd00:ec2::/32', whose: 'AWS' },
].flatMap(({ cidr, whose }) => {
  const range = parseCidr(cidr);
  return range ? [{ range, cidr, whose }] : [];
});

/** The grammar: `[takeover] default`, or `[takeover] CIDR …`. One bad CIDR refuses all: half would look whole. */
export function parseSpec(value: string, defaults: readonly string[]): Spec {
  const [first, ...rest] = value.split(/\s+/).filter(Boolean);
  const takeover = first === TAKEOVER;
  const asked = takeover || first === undefined ? rest : [first, ...rest];
  const words = asked.length === 1 && asked[0] === DEFAULT ? defaults : asked;
  if (words.length === 0) return { refused: { code: 'no-cidr' } };

  const wanted: Range[] = [];
  for (const word of words) {
    const range = parseCidr(word);
    if (!range) return { refused: { code: 'not-a-cidr', word } };
    const closed = CLOSED.find((each) => holds(each.range, range));
    if (closed) return { refused: { code: 'closed-addresses', word, block: closed.cidr, whose: closed.whose } };
    const twin = wanted.find((seen) => overlap(range, seen));
    if (twin) return { refused: { code: 'overlap-in-tag', word, other: formatCidr(twin) } };
    wanted.push(range);
  }
  return { cidrs: wanted.map(formatCidr).sort(), takeover };
}
