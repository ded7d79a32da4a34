import { describe, expect, test } from '@jest/globals';
import { hubConfig, routersConfig } from '../../shared/config.ts';

const env = {
  STACK: 'ziti-glb-test',
  ACCOUNT: '111122223333',
  TAG_KEY: 'ziti-glb',
  VPC_ID: 'vpc-1',
  TARGET_GROUP_ARN: 'arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/a/b',
  LOAD_BALANCER_ARN: 'arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/gwy/a/b',
  SERVICE_ID: 'vpce-svc-1',
  DEFAULT_CIDRS: '100.64.0.0/10',
  ENDPOINTS: 'subnet',
  MAIN_ROUTE_TABLE: 'refuse',
  WITHOUT_ROUTER: 'keep',
  DNS_RESOLVER: '100.127.255.254',
  ENDPOINTS_PER_VPC: '50',
  ROUTES_PER_TABLE: '500',
};

describe('the configuration of the subnets', () => {
  test('is read from the environment', () => {
    expect(hubConfig(env)).toMatchObject({
      endpoints: 'subnet',
      mainTableAllowed: false,
      withoutRouter: 'keep',
      resolver: '100.127.255.254/32',
      endpointsPerVpc: 50,
      defaultCidrs: ['100.64.0.0/10'],
      systemsManagerCidrs: [],
      tags: [],
      statusKey: 'ziti-glb:status',
    });
    const other = {
      ENDPOINTS: 'subnet-1 subnet-2',
      DEFAULT_CIDRS: '10.20.0.0/16  2001:db8::/32',
      MAIN_ROUTE_TABLE: 'allow',
      SYSTEMS_MANAGER_CIDRS: '10.100.0.0/24 2001:db8:1::/64',
      TAGS: 'Team=network,Formula=a=b,Empty=',
    };
    expect(hubConfig({ ...env, ...other })).toMatchObject({
      endpoints: ['subnet-1', 'subnet-2'],
      defaultCidrs: ['10.20.0.0/16', '2001:db8::/32'],
      mainTableAllowed: true,
      systemsManagerCidrs: ['10.100.0.0/24', '2001:db8:1::/64'],
      tags: [
        { Key: 'Team', Value: 'network' },
        { Key: 'Formula', Value: 'a=b' },
        { Key: 'Empty', Value: '' },
      ],
    });
  });

  test.each([
    ['ACCOUNT', '1'],
    ['DEFAULT_CIDRS', ''],
    ['DEFAULT_CIDRS', '10.20.0.0/16 oops'],
    ['ENDPOINTS', 'everywhere'],
    ['ENDPOINTS', 'subnet-1 vpc-1'],
    ['ENDPOINTS', ''],
    ['MAIN_ROUTE_TABLE', 'yes'],
    ['WITHOUT_ROUTER', ''],
    ['DNS_RESOLVER', '100.127.255.254/32'],
    ['SYSTEMS_MANAGER_CIDRS', 'hub'],
    ['ENDPOINTS_PER_VPC', '0'],
    ['ROUTES_PER_TABLE', 'many'],
  ])('names %s, if it is %j', (name, value) => {
    expect(() => hubConfig({ ...env, [name]: value })).toThrow(name);
  });
});

describe('the configuration of the routers', () => {
  const routers = {
    ...env,
    ...{ DOCUMENT: 'Install', DIVERTER: 'own', DIVERTER_BUCKET: 'artefacts', DIVERTER_PREFIX: 'diverter' },
    ...{ DIVERTER_BUILDS: '', HEALTH_PORT: '', REPLY: 'direct', TUNE_ROUTER: 'true', LAUNCH_DEADLINE: '900' },
    ...{ DNS_RANGES: 'true', DNS_POOL: '100.64.0.0/10', DNS_PREFIX: '13', REGISTRATION_KEY: '' },
  };

  test('has the ranges of the pool beside that of the resolver', () => {
    expect(routersConfig(routers).dns?.slices).toHaveLength(7);
  });

  test.each([
    [{ DNS_POOL: '10.64.0.0/16', DNS_PREFIX: '15' }, 'DNS_POOL 10.64.0.0/16 has no /15 beside that of 100.127.255.254'],
    [{ DNS_PREFIX: '10' }, 'DNS_POOL 100.64.0.0/10 has no /10 beside that of 100.127.255.254'],
  ])('names what is given, if it is %j, of which no range is left', (given, says) => {
    expect(() => routersConfig({ ...routers, ...given })).toThrow(says);
  });
});
