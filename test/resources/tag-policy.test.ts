import { expect, test } from '@jest/globals';
import { documents } from '../support/documents.ts';
import { launching, may, TAG_POLICY, tags } from '../support/tag-policy.ts';

const ROUTERS = 'ziti-glb-dev-RoutersRole-1A2B3C4D5E6F';
const SUBNETS = 'ziti-glb-dev-SubnetsRole-1A2B3C4D5E6F';

test.each([
  ['i-0', ['ziti-glb']],
  ['i-0', ['ziti-glb:diverter']],
  ['i-0', ['Name', 'ziti-glb:leaving']],
  ['rtb-0', ['ziti-glb:former:10.20.0.0/16']],
  ['subnet-0', ['ziti-glb']],
  ['vpce-0', ['ziti-glb:stack']],
])('of %s nobody else writes or takes %j', async (id, keys) => {
  const input = { Resources: [id], ...tags(...keys) };
  for (const operation of ['CreateTags', 'DeleteTags']) {
    expect(await may('developer', operation, input)).toBe(false);
    expect(await may('network-admins', operation, input)).toBe(true);
    expect(await may(id === 'i-0' ? ROUTERS : SUBNETS, operation, input)).toBe(true);
  }
});

test('all other tags are everybody’s', async () => {
  for (const operation of ['CreateTags', 'DeleteTags'])
    expect(await may('developer', operation, { Resources: ['i-0'], ...tags('Name', 'ziti-glbx') })).toBe(true);
});

test('nobody takes all tags at once, and ours with them, but who looks after them', async () => {
  for (const [name, allowed] of [
    ['developer', false],
    [ROUTERS, false],
    ['network-admins', true],
  ] as const)
    expect(await may(name, 'DeleteTags', { Resources: ['i-0'] })).toBe(allowed);
});

test('nobody else launches a router', async () => {
  expect(await may('developer', 'RunInstances', launching('ziti-glb'))).toBe(false);
  expect(await may('network-admins', 'RunInstances', launching('ziti-glb'))).toBe(true);
  expect(await may('developer', 'RunInstances', launching('Name'))).toBe(true);
  expect(await may('developer', 'RunInstances', launching())).toBe(true);
});

test('the guide shows it as it is', () => {
  expect(documents.get('docs/security.md')).toContain(`\`\`\`json\n${TAG_POLICY}\`\`\``);
});
