import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { checkSpoke } from '../../resources/parameters.js';
import { read } from '../support/documents.ts';

interface Config {
  provider: { timeout: number };
  params: { default: object };
}
const configOf = (path: string): Config => parse(read(path), { logLevel: 'silent' });
const { params, provider } = configOf('spoke.yml');
const given = {
  ...params.default,
  hubService: 'com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0',
  hubHealth: 'arn:aws:lambda:eu-central-1:111122223333:function:ziti-glb-dev-health',
};
const place = { region: 'eu-central-1', account: '222233334444' };
const check =
  (change: object, where: Partial<typeof place> = {}) =>
  () =>
    checkSpoke({ ...given, ...change }, { ...place, ...where });

test('functions of a spoke have the time that those of a hub have', () => {
  expect(provider.timeout).toBe(configOf('serverless.yml').provider.timeout);
});

test.each([
  {},
  { clientVpcs: 'vpc-01234567,vpc-0123456789abcdef1' },
  { hubService: 'cn.com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0' },
  { alarmEmail: 'on-call@example.org' },
])('a spoke takes %j', (change) => {
  expect(check(change)).not.toThrow();
});

describe('a spoke is refused, with one sentence', () => {
  test.each<[change: object, says: string]>([
    [{ hubService: '' }, 'The parameter hubService must be given: add --param hubService=…'],
    [{ hubHealth: '' }, 'The parameter hubHealth must be given: add --param hubHealth=…'],
    [
      { hubService: 'vpce-svc-0123456789abcdef0' },
      'The parameter hubService is not the name of an endpoint service: vpce-svc-0123456789abcdef0',
    ],
    [
      { hubService: 'com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef0' },
      'The parameter hubService is in another region than the stack, eu-central-1, and no endpoint reaches it from there: com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef0',
    ],
    [
      { hubHealth: 'arn:aws:lambda:eu-west-1:111122223333:function:f' },
      'The parameter hubHealth is in another region than the stack, eu-central-1: arn:aws:lambda:eu-west-1:111122223333:function:f',
    ],
    [
      { hubHealth: 'ziti-glb-dev-health' },
      'The parameter hubHealth is not the ARN of the function that the hub has for its spokes: ziti-glb-dev-health',
    ],
    [{ clientVpcs: 'own' }, "The parameter clientVpcs has 'own', which is not all, or the ids of VPCs: own"],
    [
      { defaultCidrs: '10.0.0.0/8 10.1.0.0/16' },
      'The parameter defaultCidrs has networks that overlap, 10.0.0.0/8 and 10.1.0.0/16: 10.0.0.0/8 10.1.0.0/16',
    ],
  ])('%j', (change, says) => {
    expect(check(change)).toThrow(says);
  });

  test('in the hub’s own account, once that is known', () => {
    expect(check({}, { account: '111122223333' })).toThrow(
      'The hub is of this account, 111122223333, and needs no spoke here: name the VPCs in its parameter clientVpcs',
    );
  });
});
