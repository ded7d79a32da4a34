import { describe, expect, test } from '@jest/globals';
import { AwsError } from '../../local/wire/errors.ts';
import { faults } from '../../local/wire/faults.ts';
import { METRICS } from '../../shared/metrics.ts';
import { askedBy, claimedVpc, deployed, STRANGER, type TestStack } from './stage.ts';

async function inOrder(): Promise<TestStack> {
  const stack = await deployed();
  await stack.name(stack.vpc.a1, 'app-a');
  await stack.router(stack.vpc.a0, 'router-1');
  await stack.router(stack.vpc.b0, 'router-2');
  await stack.tag(stack.vpc.a1, '10.20.0.0/16');
  for (let minute = 0; minute < 4; minute++) await stack.pass();
  return stack;
}

describe('status', () => {
  test('shows subnets, endpoints, routes, nodes and routers, in order', async () => {
    const stack = await inOrder();
    const { code, out, err } = await stack.cli('status');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/app-a\) +eu-central-1a +ready +vpce-\S+ available +10\.20\.0\.0\/16/);
    expect(out).toMatch(/router-1\) +eu-central-1a +ready .* running +healthy/);
    expect(out).toMatch(/LOAD BALANCER[\s\S]*eu-central-1b +10\.\S+ +ready/);
    expect(out).not.toContain('WHY');
  });

  test('says what is waited for', async () => {
    const stack = await deployed();
    await stack.name(stack.vpc.a1, 'app-a');
    await stack.tag(stack.vpc.a1, '10.20.0.0/16');
    await stack.pass();
    const { out } = await stack.cli('status');
    expect(out).toMatch(/app-a\).*waiting/);
    expect(out).toMatch(/WHY\n.*app-a\) +waits for .*router/);
    // Its CIDR and the resolver's wait for the same.
    expect(out.match(/waits for/g)).toHaveLength(1);
    expect(out).toContain('(10.20.0.0/16)');
  });

  test('shows a connection that waits for a person to accept it', async () => {
    const stack = await inOrder();
    stack.cloud.attach(stack.service.serviceId, '444455556666');
    const { out } = await stack.cli('status');
    expect(out).toMatch(
      /TRANSIT GATEWAY +OWNER +STATE\ntgw-attach-\w+ +444455556666 +pending acceptance\n\nWHY\ntgw-attach-\w+ +account 444455556666, which is not among gatewayOwners, asks to connect/,
    );
    expect(out).toMatch(/app-a\) +eu-central-1a +ready/);
  });

  test('shows the endpoints of other accounts under theirs, and names its own then', async () => {
    const stack = await inOrder();
    expect((await stack.cli('status')).out).not.toContain('account');
    const spoke = '222233334444';
    const [own, theirs] = [stack.environments['ziti-glb-dev-subnets'], await askedBy(spoke, stack)];
    const strangers = await askedBy(STRANGER, stack);
    if (own) own.SPOKE_ACCOUNTS = spoke;
    const { out } = await stack.cli('status');
    expect(out).toMatch(
      new RegExp(`\nVPC ${stack.vpc.vpc} of account 111122223333, the routers'\nSUBNET .*\n.*app-a. .*ready`),
    );
    expect(out).toMatch(
      new RegExp(
        [
          `\n\nEndpoints of account ${spoke}\nENDPOINT +CONNECTION\n${theirs} +pending acceptance\n`,
          `Endpoints of account ${STRANGER}\nENDPOINT +CONNECTION\n${strangers} +pending acceptance\n\nLOAD BALANCER`,
        ].join('\n'),
      ),
    );
  });

  test('shows an account that may connect and has not', async () => {
    const stack = await inOrder();
    const spoke = '222233334444';
    const own = stack.environments['ziti-glb-dev-subnets'];
    if (own) own.SPOKE_ACCOUNTS = spoke;
    expect((await stack.cli('status')).out).toMatch(
      /\n\nEndpoints of account 222233334444\nnone is connected or asks to be: its spoke makes one .*\n\nLOAD BALANCER/,
    );
    expect(JSON.parse((await stack.cli('status --json')).out)).toMatchObject({ spokes: [], spokeAccounts: [spoke] });
    // It is nothing to wait for.
    expect(await stack.cli('status --for=ready')).toMatchObject({ code: 0 });
  });

  test('has the account in each row that is wide, where there are several', async () => {
    const stack = await inOrder();
    const endpoint = await askedBy(STRANGER, stack);
    const { out } = await stack.cli('status -o wide');
    expect(out).toMatch(/^SUBNET +ACCOUNT +VPC +ZONE .*\nsubnet-\S+ \(app-a\) +111122223333 +vpc-/m);
    expect(out).toMatch(
      new RegExp(`^ENDPOINT +ACCOUNT +CONNECTION\n${endpoint} +${STRANGER} +pending acceptance$`, 'm'),
    );
  });

  test('is JSON for programs', async () => {
    const stack = await inOrder();
    const { out } = await stack.cli('status --json');
    expect(JSON.parse(out)).toMatchObject({
      vpcId: stack.vpc.vpc,
      zones: [{ name: 'eu-central-1a', subnets: [{ name: 'app-a', state: 'ready' }] }, {}],
    });
  });

  test('goes on showing it with --watch', async () => {
    const stack = await deployed();
    let looks = 0;
    const stop = new Error('enough');
    const { out, code } = await stack.cli('status --watch', {
      onSleep: async () => {
        looks += 1;
        if (looks === 1) await stack.tag(stack.vpc.a1, '10.20.0.0/16');
        if (looks === 2) throw stop;
      },
    });
    const [, first = '', second = ''] = out.split('CLEAR');
    expect(first).not.toContain(stack.vpc.a1);
    expect(second).toContain(stack.vpc.a1);
    expect(code).toBe(1);
  });
});

describe('status --for=ready', () => {
  const LINE = 'status --for=ready';

  test('ends at once where all is', async () => {
    const { cli } = await inOrder();
    expect(await cli(LINE)).toMatchObject({ code: 0, out: expect.stringContaining('ready') });
  });

  test('does not wait for strangers, who may ask for what they like', async () => {
    const stack = await inOrder();
    stack.cloud.attach(stack.service.serviceId, '444455556666');
    const endpoint = await askedBy(STRANGER, stack);
    expect(await stack.cli(LINE)).toMatchObject({
      ...{ code: 0, out: expect.stringMatching(new RegExp(`WHY\\n${endpoint} +account ${STRANGER}, which is not`)) },
    });
    const { notes } = JSON.parse((await stack.cli('status --json')).out);
    expect(notes).toMatchObject([{ subject: endpoint, foreign: true }, { foreign: true }]);
  });

  test.each<[string, (vpc: string) => string, number, object]>([
    ['does not wait for a VPC of all that another stack has claimed', () => 'all', 0, { foreign: true }],
    ['does not wait for a person to take such a VPC out of those that it names', (vpc) => vpc, 2, {}],
  ])('%s', async (_, named, code, note) => {
    const stack = await inOrder();
    const { vpc } = await claimedVpc(stack, named);
    expect(await stack.cli(LINE)).toMatchObject({ code });
    const { notes } = JSON.parse((await stack.cli('status --json')).out);
    const why = expect.stringContaining('the stack ziti-glb-other opts its subnets in by the tag ziti-glb');
    expect(notes).toEqual([
      { subject: vpc, state: 'refused', why, code: expect.stringMatching(/vpc-claimed$/), ...note },
    ]);
  });

  test('waits for a router, and for what waits for that', async () => {
    const stack = await deployed();
    await stack.tag(stack.vpc.a1, '10.20.0.0/16');
    let waits = 0;
    const onSleep = async () => {
      waits += 1;
      if (waits === 2) await stack.router(stack.vpc.a0, 'router-1');
      await stack.pass();
    };
    expect(await stack.cli(LINE, { onSleep })).toMatchObject({ code: 0 });
    expect(waits).toBe(2);
  });

  test('does not wait for a person to change what is refused', async () => {
    const stack = await inOrder();
    await stack.tag(stack.vpc.b1, 'oops');
    expect(await stack.cli(LINE)).toMatchObject({ code: 2, out: expect.stringContaining('oops is not a CIDR') });
  });

  test('gives up after its time, and shows why', async () => {
    const stack = await inOrder();
    stack.fake.onProbe = () => ({ healthy: false, reason: 'Target.Timeout' });
    await stack.clock.run(60_000);
    const from = stack.clock.now();
    const onSleep = async () => void (await stack.clock.run(10_000));
    const { code, out } = await stack.cli(`${LINE} --timeout 60`, { onSleep });
    // AWS's answers tell whole seconds.
    expect([code, Math.floor((stack.clock.now() - from) / 20_000)]).toEqual([2, 3]);
    expect(out).toMatch(/router-1\).*unhealthy: Target\.Timeout\n/);
  });
});

test.each([
  ['goes on after a look that AWS refused', 2, 3],
  ['ends if it had none', 1, 0],
])('status --watch %s', async (_, refusedFrom, pictures) => {
  let looks = 1;
  const throttled = new AwsError('RequestLimitExceeded', 'Request limit exceeded.', 503);
  const refuse = faults(({ operation }) =>
    operation === 'DescribeSubnets' && looks === refusedFrom ? throttled : undefined,
  );
  const { cli } = await deployed({ middleware: [refuse] });
  const { out, err, code } = await cli('status --watch', {
    async onSleep() {
      looks += 1;
      if (looks > 4) throw new Error('enough');
    },
  });
  expect(err).toMatch(/^RequestLimitExceeded: /);
  expect(out.split('CLEAR').slice(1)).toHaveLength(pictures);
  expect(code).toBe(1);
});

test('every gauge of both plans is a metric, and what a gauge counts adds up', async () => {
  const stack = await inOrder();
  await stack.router(stack.vpc.a0, 'router-3');
  await stack.tag(stack.vpc.b1, 'oops');
  const { subnets, routers } = JSON.parse((await stack.cli('plan --json')).out);
  for (const name of Object.keys({ ...subnets.gauges, ...routers.gauges })) expect(METRICS).toHaveProperty(name);
  expect(subnets.gauges).toEqual({ OptedIn: 2, Ready: 1, Waiting: 0, Conflicts: 0, Refused: 1, Blocked: 0 });
  expect(routers.gauges).toMatchObject({ Routers: 3, HealthyRouters: 2, JoiningRouters: 1, UnhealthyRouters: 0 });
});

describe('plan', () => {
  test('is what the next pass does, and exits with 2', async () => {
    const stack = await deployed();
    await stack.router(stack.vpc.a0, 'router-1');
    await stack.tag(stack.vpc.a1, '10.20.0.0/16');
    const { code, out } = await stack.cli('plan');
    expect(code).toBe(2);
    expect(out).toMatch(/create-endpoint +subnet-\S+: gets an endpoint/);
    expect(out).toMatch(/install|source-dest-check-off/);
    // Nothing was done: it is still to do.
    expect((await stack.cli('plan')).out).toBe(out);
  });

  test('is empty where all is in order, and exits with 0', async () => {
    const stack = await inOrder();
    expect(await stack.cli('plan')).toMatchObject({ code: 0, out: 'subnets: nothing to do\n\nrouters: nothing to do' });
  });

  test.each([
    [
      'app-b=10.20.0.0/16',
      2,
      /^If subnet-\S+ \(app-b\) were tagged so: waiting: .*\n(.*\n)*.*create-endpoint +subnet-/,
    ],
    ['app-b=oops', 2, /^If .* were tagged so: refused: oops is not a CIDR/],
    ['app-b=10.0.1.0/24 10.20.0.0/16', 2, /^If .* were tagged so: /],
    ['app-a=', 2, /^If .* \(app-a\) were tagged so: leaving.*\n(.*\n)*.*delete-route/],
    ['app-a=10.20.0.0/16', 0, /^If .* were tagged so: ready\n\nsubnets: nothing to do/],
  ])('says what would be with %s, and changes nothing', async (supposed, code, says) => {
    const stack = await inOrder();
    await stack.name(stack.vpc.b1, 'app-b');
    const given = ['plan', '--with', supposed];
    const answer = await stack.cli(given);
    expect([answer.code, answer.out]).toEqual([code, expect.stringMatching(says)]);
    expect(await stack.cli('plan')).toMatchObject({ code: 0 });
    expect(JSON.parse((await stack.cli([...given, '--json'])).out)).toMatchObject({
      with: { state: expect.any(String) },
    });
  });

  test('supposes nothing of a subnet that is not there', async () => {
    const stack = await inOrder();
    expect(await stack.cli('plan --with app-z=10.20.0.0/16')).toMatchObject({
      ...{ code: 1, err: expect.stringMatching(/^Error: app-z is no subnet in vpc-/) },
    });
  });

  test('names what is left alone and why', async () => {
    const stack = await deployed();
    await stack.tag(stack.vpc.a1, '10.20.0.0/99');
    await stack.pass();
    expect((await stack.cli('plan')).out).toMatch(/left alone +subnet-.*10\.20\.0\.0\/99 is not a CIDR/);
  });

  test('is JSON for programs', async () => {
    const stack = await deployed();
    await stack.tag(stack.vpc.a1, '10.20.0.0/16');
    const { out } = await stack.cli('plan --json');
    expect(JSON.parse(out).subnets.steps[0]).toMatchObject({ kind: 'create-endpoint', subnetId: stack.vpc.a1 });
  });
});

test.each(['status', 'plan', 'doctor', 'explain app'])(
  '%s writes a name that would forge a row as what it is',
  async (command) => {
    const stack = await deployed();
    const name = 'router-9\u009b2J\nrouter-8  eu-central-1a  ready\u202e';
    await stack.name(stack.vpc.a1, command === 'explain app' ? 'app' : name);
    await stack.tag(stack.vpc.a1, 'x\n10.20.0.0/16 ready\u009b2J');
    await stack.router(stack.vpc.a0, name);
    const { out, err } = await stack.cli(command);
    expect(out).toContain('\\u000a');
    expect(out + err).not.toMatch(/^(router-8|10\.20)/m);
    expect((out + err).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
  },
);
