import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { reasonText } from '../../../shared/conditions/sentences.ts';
import { parseSpec } from '../../../shared/subnets/spec.ts';

const spec = (value: string) => parseSpec(value, ['100.64.0.0/10']);

describe('a subnet’s tag', () => {
  test.each<[string, string[], boolean?]>([
    ['10.20.0.0/16', ['10.20.0.0/16']],
    ['  10.30.0.0/16   10.20.0.0/16 ', ['10.20.0.0/16', '10.30.0.0/16']],
    ['10.20.1.5/16', ['10.20.0.0/16']],
    ['10.20.0.5/32', ['10.20.0.5/32']],
    ['0.0.0.0/0', ['0.0.0.0/0']],
    ['2001:DB8:0::/48 10.20.0.0/16', ['10.20.0.0/16', '2001:db8::/48']],
    ['::/0 0.0.0.0/0', ['0.0.0.0/0', '::/0']],
    ['default', ['100.64.0.0/10']],
    [' default ', ['100.64.0.0/10']],
    ['takeover default', ['100.64.0.0/10'], true],
    ['takeover 10.20.0.0/16 10.30.0.0/16', ['10.20.0.0/16', '10.30.0.0/16'], true],
  ])('%j asks for %j', (value, cidrs, takeover = false) => expect(spec(value)).toEqual({ cidrs, takeover }));

  test.each([
    ['', 'the tag names no CIDR'],
    ['   ', 'the tag names no CIDR'],
    ['takeover', 'the tag names no CIDR'],
    ['yes', 'yes is not a CIDR'],
    ['10.20.0.0', '10.20.0.0 is not a CIDR'],
    ['10.20.0.0/33', '10.20.0.0/33 is not a CIDR'],
    ['010.20.0.0/16', '010.20.0.0/16 is not a CIDR'],
    ['10.20/16', '10.20/16 is not a CIDR'],
    ['10.20.0.0/16,10.30.0.0/16', '10.20.0.0/16,10.30.0.0/16 is not a CIDR'],
    ['10.20.0.0/16 default', 'default is not a CIDR'],
    ['10.20.0.0/16 takeover', 'takeover is not a CIDR'],
    ['10.20.0.0/16 oops', 'oops is not a CIDR'],
    ['fe80::1%eth0/64', 'fe80::1%eth0/64 is not a CIDR'],
    ['2001:db8::/129', '2001:db8::/129 is not a CIDR'],
    ['169.254.169.254/32', '169.254.169.254/32 is inside 169.254.0.0/16, the addresses of the link'],
    ['224.0.0.1/32', '224.0.0.1/32 is inside 224.0.0.0/3, the addresses of multicast and what is reserved'],
    ['127.0.0.0/8', '127.0.0.0/8 is inside 127.0.0.0/8, the addresses of a machine itself'],
    ['fd00:ec2::23/128', 'fd00:ec2::23/128 is inside fd00:ec2::/32, the addresses of AWS'],
    ['10.20.0.0/16 10.20.3.0/24', '10.20.3.0/24 overlaps 10.20.0.0/16 in the same tag'],
    ['10.20.0.0/16 10.20.0.0/16', '10.20.0.0/16 overlaps 10.20.0.0/16 in the same tag'],
    ['2001:db8::/32 2001:db8:1::/48', '2001:db8:1::/48 overlaps 2001:db8::/32 in the same tag'],
  ])('%j is refused: %s', (value, refused) => {
    const result = spec(value);
    expect('refused' in result && reasonText(result.refused)).toBe(refused);
  });

  test('is refused or canonical, whatever it holds', () => {
    const cidr = fc.oneof(
      fc.tuple(fc.ipV4(), fc.nat(40)).map(([ip, n]) => `${ip}/${n}`),
      fc.tuple(fc.ipV6(), fc.nat(140)).map(([ip, n]) => `${ip}/${n}`),
    );
    const word = fc.oneof(cidr, fc.constantFrom('takeover', 'default'), fc.string());
    fc.assert(
      fc.property(
        fc.array(word).map((words) => words.join(' ')),
        (value) => {
          const result = spec(value);
          if ('refused' in result) return expect(reasonText(result.refused)).not.toBe('');
          expect(spec([...(result.takeover ? ['takeover'] : []), ...result.cidrs].join(' '))).toEqual(result);
        },
      ),
    );
  });
});
