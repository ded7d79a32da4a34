import fc from 'fast-check';

const none = { exists: false };
const instanceRunning = {
  version: '0',
  id: '0a1b2c3d-0000-4000-8000-000000000001',
  'detail-type': 'EC2 Instance State-change Notification',
  source: 'aws.ec2',
  resources: ['arn:aws:ec2:eu-central-1:111122223333:instance/i-0aaaaaaaaaaaaaaa1'],
  detail: { 'instance-id': 'i-0aaaaaaaaaaaaaaa1', state: 'running' },
};

/** A pattern makes this of an event. */
export const MATCHES: [name: string, pattern: object, event: object, matches: boolean][] = [
  ['an exact value', { source: ['aws.ec2'] }, instanceRunning, true],
  ['a nested value', { detail: { state: ['running'] } }, instanceRunning, true],
  ['any of the values', { detail: { state: ['stopped', 'running'] } }, instanceRunning, true],
  ['not another value', { detail: { state: ['stopped'] } }, instanceRunning, false],
  ['every field', { source: ['aws.ec2'], detail: { state: ['stopped'] } }, instanceRunning, false],
  ['not an absent field', { detail: { reason: ['running'] } }, instanceRunning, false],
  ['case by case', { source: ['AWS.EC2'] }, instanceRunning, false],
  ['null as null', { a: [null] }, { a: null }, true],
  ['null not as absent', { a: [null] }, {}, false],
  ['an empty string', { a: [''] }, { a: '' }, true],
  ['a number', { a: [4] }, { a: 4 }, true],
  ['a number not as its text', { a: [4] }, { a: '4' }, false],
  ['true', { a: [true] }, { a: true }, true],
  ['no field that every object inherits', { constructor: [{ exists: true }] }, {}, false],
  ['a nested pattern not as a value', { a: { b: ['x'] } }, { a: 'x' }, false],

  ['one of the values in a list', { a: ['x'] }, { a: ['w', 'x'] }, true],
  ['a list in a list', { a: ['x'] }, { a: [['w'], ['x']] }, true],
  ['not an empty list', { a: ['x'] }, { a: [] }, false],
  ['one object of a list', { a: { b: ['x'], c: ['y'] } }, { a: [{ b: 'x', c: 'y' }, { b: 'z' }] }, true],
  ['not half of two objects of a list', { a: { b: ['x'], c: ['y'] } }, { a: [{ b: 'x' }, { c: 'y' }] }, false],

  ['a prefix', { a: [{ prefix: 'us-' }] }, { a: 'us-east-1' }, true],
  ['not another prefix', { a: [{ prefix: 'us-' }] }, { a: 'eu-central-1' }, false],
  ['a prefix in any case', { a: [{ prefix: { 'equals-ignore-case': 'US-' } }] }, { a: 'us-east-1' }, true],
  ['a suffix', { a: [{ suffix: '.png' }] }, { a: 'a.png' }, true],
  ['not a suffix elsewhere', { a: [{ suffix: '.png' }] }, { a: 'a.png.txt' }, false],
  ['a suffix in any case', { a: [{ suffix: { 'equals-ignore-case': '.png' } }] }, { a: 'a.PNG' }, true],
  ['a text in any case', { a: [{ 'equals-ignore-case': 'Alice' }] }, { a: 'aLICE' }, true],
  ['no number as a prefix', { a: [{ prefix: '1' }] }, { a: 12 }, false],

  ['anything but a value', { a: [{ 'anything-but': 'x' }] }, { a: 'y' }, true],
  ['not the value', { a: [{ 'anything-but': 'x' }] }, { a: 'x' }, false],
  ['anything but several numbers', { a: [{ 'anything-but': [1, 2] }] }, { a: 3 }, true],
  ['not one of several numbers', { a: [{ 'anything-but': [1, 2] }] }, { a: 2 }, false],
  ['anything but, not of an absent field', { a: [{ 'anything-but': 'x' }] }, {}, false],
  ['anything but, of a list with another value', { a: [{ 'anything-but': 'x' }] }, { a: ['x', 'y'] }, true],
  ['anything but a prefix', { a: [{ 'anything-but': { prefix: 'us-' } }] }, { a: 'us-east-1' }, false],
  ['anything but suffixes', { a: [{ 'anything-but': { suffix: ['.png', '.jpg'] } }] }, { a: 'a.jpg' }, false],
  ['anything but a text in any case', { a: [{ 'anything-but': { 'equals-ignore-case': 'x' } }] }, { a: 'X' }, false],
  ['anything but a wildcard', { a: [{ 'anything-but': { wildcard: '*/lib/*' } }] }, { a: '/usr/bin/ls' }, true],

  ['an existing field', { detail: { state: [{ exists: true }] } }, instanceRunning, true],
  ['an absent field', { detail: { errorCode: [{ exists: false }] } }, instanceRunning, true],
  ['an absent field of an absent object', { a: { b: [{ exists: false }] } }, {}, true],
  ['an object not as an existing field', { detail: [{ exists: true }] }, instanceRunning, false],
  ['a null field as existing', { a: [{ exists: true }] }, { a: null }, true],
  ['a value or nothing', { a: ['x', { exists: false }] }, {}, true],

  // event-ruler answers so: https://github.com/aws/event-ruler, version 2.1.0.
  [
    'an absent field not where an object of a list has it',
    { a: { b: [none] } },
    { a: [{ b: 'x' }, { c: 'y' }] },
    false,
  ],
  ['an absent field where none of a list has it', { a: { b: [none] } }, { a: [{ d: 'x' }, { c: 'y' }] }, true],
  ['no absent field beside one of a list', { a: { b: [none], c: ['y'] } }, { a: [{ b: 'x' }, { c: 'y' }] }, false],
  ['no absent field in a list of a list', { a: { b: { c: [none] } } }, { a: [{ b: [{ c: '1' }] }, { b: {} }] }, false],
  ['a value or nothing, not of half a list', { a: { b: ['z', none] } }, { a: [{ b: 'x' }, { c: 'y' }] }, false],
  ['an empty list as an absent field', { a: [none] }, { a: [] }, true],
  ['anything but a value, or nothing', { a: { b: [{ 'anything-but': 'x' }, none] } }, { a: { c: 'y' } }, true],
  ['a name with a dot as two', { 'a.b': ['x'] }, { a: { b: 'x' } }, true],
  ['two names as one with a dot', { a: { b: ['x'] } }, { 'a.b': 'x' }, true],
  ['a name with a dot above another', { 'a.b': { c: ['x'] } }, { a: { b: { c: 'x' } } }, true],
  ['names with dots, not of two objects', { 'a.b': ['x'], 'a.c': ['y'] }, { a: [{ b: 'x' }, { c: 'y' }] }, false],
  ['of what is wanted twice the last', { 'a.b': ['x'], a: { b: ['y'] } }, { a: { b: 'y' } }, true],
  ['of what is wanted twice not the first', { 'a.b': ['x'], a: { b: ['y'] } }, { a: { b: 'x' } }, false],

  ['an equal number', { a: [{ numeric: ['=', 5] }] }, { a: 5 }, true],
  ['a number above', { a: [{ numeric: ['>', 5] }] }, { a: 5.01 }, true],
  ['not a number at the open bound', { a: [{ numeric: ['>', 5] }] }, { a: 5 }, false],
  ['a number in a range', { a: [{ numeric: ['>', 0, '<=', 5] }] }, { a: 5 }, true],
  ['not a number out of the range', { a: [{ numeric: ['>', 0, '<=', 5] }] }, { a: 0 }, false],
  ['no text as a number', { a: [{ numeric: ['=', 5] }] }, { a: '5' }, false],

  ['an address in a CIDR', { a: [{ cidr: '10.0.0.0/24' }] }, { a: '10.0.0.255' }, true],
  ['not an address outside', { a: [{ cidr: '10.0.0.0/24' }] }, { a: '10.0.1.0' }, false],
  ['an IPv6 address in a CIDR', { a: [{ cidr: '2001:db8::/32' }] }, { a: '2001:db8::1' }, true],
  ['no text that is not an address', { a: [{ cidr: '0.0.0.0/0' }] }, { a: 'ten' }, false],
  [
    'an address in one of two blocks',
    { a: [{ cidr: '10.0.0.0/24' }, { cidr: '2001:db8::/32' }] },
    { a: '10.0.0.1' },
    true,
  ],
  ['an address of a block with host bits', { a: [{ cidr: '10.0.0.5/24' }] }, { a: '10.0.0.200' }, true],
  ['an IPv6 address whose digits are in a block of IPv4', { a: [{ cidr: '0.0.0.0/0' }] }, { a: '2001:db8::1' }, true],
  ['not one whose digits are not', { a: [{ cidr: '10.0.0.0/24' }] }, { a: '2001:db8::1' }, false],
  ['an IPv4 address whose digits are in a block of IPv6', { a: [{ cidr: '::/0' }] }, { a: '1.2.3.4' }, true],
  ['no address of IPv4 within one of IPv6', { a: [{ cidr: '10.0.0.0/24' }] }, { a: '::ffff:10.0.0.1' }, false],
  ['no address with a zone', { a: [{ cidr: 'fe80::/10' }] }, { a: 'fe80::1%eth0' }, false],

  ['a wildcard', { a: [{ wildcard: 'dir/*.png' }] }, { a: 'dir/sub/a.png' }, true],
  ['a wildcard for nothing', { a: [{ wildcard: 'x*' }] }, { a: 'x' }, true],
  ['a wildcard, whole', { a: [{ wildcard: 'x*y' }] }, { a: 'wxy' }, false],
  ['an escaped star only as itself', { a: [{ wildcard: 'x\\*y' }] }, { a: 'xzy' }, false],
  ['an escaped star', { a: [{ wildcard: 'x\\*y' }] }, { a: 'x*y' }, true],
  ['a dot only as itself', { a: [{ wildcard: 'a.*' }] }, { a: 'ab' }, false],
  ['a wildcard over lines', { a: [{ wildcard: 'a*c' }] }, { a: 'a\nb\nc' }, true],

  ['one alternative', { $or: [{ a: ['x'] }, { b: ['y'] }] }, { b: 'y' }, true],
  ['no alternative', { $or: [{ a: ['x'] }, { b: ['y'] }] }, { a: 'y', b: 'x' }, false],
  ['an alternative and the rest', { c: ['z'], $or: [{ a: ['x'] }, { b: ['y'] }] }, { a: 'x', c: 'w' }, false],
  ['an alternative below', { detail: { $or: [{ a: ['x'] }, { b: ['y'] }] } }, { detail: { b: 'y' } }, true],
];
/** EventBridge refuses these patterns, with these words. */
export const REFUSED: [name: string, pattern: unknown, message: string][] = [
  ['that is not an object', 'aws.ec2', 'must be an object or an array'],
  ['that is empty', {}, 'empty objects are not allowed'],
  ['with a bare value', { source: 'aws.ec2' }, '"source": must be an object or an array'],
  ['with an empty list', { source: [] }, '"source": empty arrays are not allowed'],
  ['with an empty object', { detail: {} }, '"detail": empty objects are not allowed'],
  ['with a list in a list', { a: [['x']] }, '"a": a match is a value or an object with one match type'],
  ['with an unknown match type', { detail: { a: [{ like: 'x' }] } }, '"detail.a": unrecognized match type like'],
  ['with a match type every object inherits', { a: [{ toString: 'x' }] }, '"a": unrecognized match type toString'],
  ['with two match types in one', { a: [{ prefix: 'x', suffix: 'y' }] }, 'an object with one match type'],
  ['with a prefix that is a number', { a: [{ prefix: 1 }] }, 'a match is a value'],
  ['with exists of a text', { a: [{ exists: 'true' }] }, 'exists must be true or false'],
  ['with anything-but of mixed kinds', { a: [{ 'anything-but': ['x', 1] }] }, 'a list of one kind'],
  ['with anything-but of nothing', { a: [{ 'anything-but': [] }] }, 'a list of one kind'],
  ['with anything-but a number range', { a: [{ 'anything-but': { numeric: ['=', 1] } }] }, 'unsupported anything-but'],
  ['with half a comparison', { a: [{ numeric: ['>'] }] }, 'one comparison'],
  ['with an unknown comparison', { a: [{ numeric: ['<>', 1] }] }, 'unrecognized numeric range operator "<>"'],
  ['with a number too large', { a: [{ numeric: ['<', 5e9 + 1] }] }, 'from -5000000000 to 5000000000'],
  ['with an upper bound first', { a: [{ numeric: ['<', 5, '>', 0] }] }, 'a lower bound and then a greater upper'],
  ['with an empty range', { a: [{ numeric: ['>', 5, '<', 0] }] }, 'a lower bound and then a greater upper'],
  ['with a CIDR of one address', { a: [{ cidr: '10.0.0.1/32' }] }, 'malformed CIDR 10.0.0.1/32'],
  ['with a CIDR of one IPv6 address', { a: [{ cidr: '2001:db8::1/128' }] }, 'malformed CIDR 2001:db8::1/128'],
  [
    'with an IPv4 address in an IPv6 CIDR',
    { a: [{ cidr: '::ffff:10.0.0.0/120' }] },
    'malformed CIDR ::ffff:10.0.0.0/120',
  ],
  ['with a CIDR without bits', { a: [{ cidr: '10.0.0.0' }] }, 'malformed CIDR 10.0.0.0'],
  ['with a malformed CIDR', { a: [{ cidr: '10.0.0.0/33' }] }, 'malformed CIDR 10.0.0.0/33'],
  ['with two stars together', { a: [{ wildcard: 'a**' }] }, 'consecutive wildcard characters'],
  ['with a stray backslash', { a: [{ wildcard: 'a\\b' }] }, 'a backslash may stand only before'],
  ['with one alternative', { $or: [{ a: ['x'] }] }, '"$or": must be a list of at least two patterns'],
  ['with a wrong alternative', { $or: [{ a: ['x'] }, { b: 'y' }] }, '"$or.1.b": must be an object or an array'],
];
export const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
export const { event: anyEvent } = fc.letrec((tie) => ({
  event: fc.dictionary(
    fc.string().filter((name) => name !== '$or'),
    fc.oneof({ maxDepth: 3 }, scalar, fc.array(scalar, { minLength: 1 }), tie('event')),
    { minKeys: 1, maxKeys: 4 },
  ),
}));

/** A pattern asks for an event's first values, exactly. */
export function patternOf(event: unknown): unknown {
  if (Array.isArray(event)) return [event[0]];
  if (typeof event !== 'object' || event === null) return [event];
  return Object.fromEntries(Object.entries(event).map(([name, value]) => [name, patternOf(value)]));
}
