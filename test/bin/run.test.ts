import { describe, expect, test } from '@jest/globals';
import { SHELLS } from '../../bin/completion.ts';
import { deployed } from './stage.ts';

describe('a command line that is wrong exits with 64, and says what is right', () => {
  test.each([
    [
      '',
      /^no command is given: status, plan, explain, test, doctor, router, log, versions, config, precheck, bundle, pause, resume, drain, redrive\n/,
    ],
    ['--json', /^no command is given: status,/],
    ['stat', /^there is no command stat: status,/],
    ['sttaus', /redrive\. Did you mean status\?\n/],
    ['status --wacth', /^Unknown option '--wacth'\. Did you mean --watch\?\n/],
    ['completion', /^completion takes one shell: bash, zsh, fish/],
    ['completion tcsh', /^completion takes one shell/],
    ['completion bash zsh', /^completion takes one shell/],
    ['toString', /^there is no command toString/],
    ['status --yes', /Unknown option '--yes'/],
    ['plan --wacht', /Unknown option '--wacht'/],
    ['plan --with app-a', /^--with=app-a is not SUBNET=CIDRS/],
    ['plan --with =10.20.0.0/16', /^--with==10\.20\.0\.0\/16 is not SUBNET=CIDRS/],
    ['versions x', /^versions takes nothing more, and is given more: x\n/],
    ['status –-wait', /^–-wait begins with a dash, and options with hyphens: --wait\n/],
    ['status –s x', /^–s begins with a dash, and options with hyphens: -s\n/],
    ['explain —json a', /^—json begins with a dash, and options with hyphens: --json\n/],
    ['status --region eu-central-1 --region us-east-1', /^--region is given more than once: eu-central-1, us-east-1\n/],
    ['drain -s ziti-glb-a --stack=ziti-glb-a', /^--stack is given more than once: ziti-glb-a, ziti-glb-a\n/],
    ['status -o json -o yaml', /^--output is given more than once: json, yaml\n/],
    ['status --endpoint http://a:b@127.0.0.1 --endpoint http://127.0.0.1', /^--endpoint is given more than once\n/],
    ['bundle x', /^bundle takes nothing more/],
    ['bundle --since soon', /^--since=soon is no time/],
    ['plan subnet-1', /^plan takes nothing more/],
    ['explain', /^explain takes one id\|name\|address, at most one \[destination\]/],
    ['explain a 10.20.0.5 b', /^explain takes one .*, at most one \[destination\]/],
    ['explain a b', /^b is no address with a port or without: 10\.20\.0\.5:443/],
    ['explain a 10.20.0.5:0', /^10\.20\.0\.5:0 is no address/],
    ['explain a 10.20.0.5:65536', /is no address with a port/],
    ['explain a 10.20.5:1', /is no address/],
    ['explain a 2001:db8::5:443x', /is no address/],
    ['log a b', /^log takes at most one \[subject\]/],
    ['log --since', /argument missing/],
    ['log --since 1', /^--since=1 is no time that has passed: it takes 30s, 10m, 2h, 3d/],
    ['log --since 0h', /^--since=0h is no time/],
    ['log --since=-1h', /^--since=-1h is no time/],
    ['log --since -1h', /^Option '--since' argument is ambiguous\n/],
    ['log a"b', /^a"b has a quote/],
    ['test', /^test takes one subnet\|client, at most one \[url\]/],
    ['test app-a nowhere', /^nowhere is no URL to try: https:/],
    ['test app-a ftp://10.20.0.5/', /is no URL to try/],
    ['test app-a tcp://10.20.0.5', /names no port/],
    ['test app-a https://ann:secret@10.20.0.5/', /^the URL has a user or password/],
    ['test app-a http://a$(reboot)/', /is no (name of a host|URL)/],
    ['pause a b', /^pause takes at most one \[why\], and is given more: b\n/],
    ['pause a"b', /^the reason goes into a tag, which takes 200 letters, .* and not: a"b/],
    [`pause ${'a'.repeat(201)}`, /^the reason goes into a tag/],
    ['pause --yes', /Unknown option '--yes'/],
    ['resume now', /^resume takes nothing more/],
    ['router', /^router takes one instance/],
    ['router a b', /^router takes one instance/],
    ['router a --watch', /Unknown option '--watch'/],
    ['status --stack', /argument missing/],
    ['status --for=healthy', /^--for=healthy is nothing to wait for: it takes ready/],
    ['status --for=ready --watch', /^--for=ready ends/],
    ['status --timeout 60', /^--timeout is for --for=ready/],
    ['status --for=ready --timeout soon', /^--timeout=soon is no number of seconds/],
    ['status --for=ready --timeout=-1', /^--timeout=-1 is no number/],
    ['status --for=ready --timeout=', /^--timeout= is no number/],
    ['status --for=ready --timeout 86401', /^--timeout=86401 is no number of seconds from 0 to 86400/],
    ['status --request-timeout 0', /^--request-timeout=0 is no number of seconds from 1 to 600/],
    ['status --request-timeout 1m', /^--request-timeout=1m is no number/],
    ['status --endpoint nowhere', /^--endpoint=nowhere is not a URL like http/],
    ['status --endpoint=', /^--endpoint= is not a URL/],
    ['status --endpoint ftp://127.0.0.1', /^--endpoint=ftp:\S+ is not a URL/],
    ['status --endpoint http://ann:secret@127.0.0.1:4780', /^--endpoint is not a URL like \S+, without a user/],
    ['status --stack=', /^--stack= is not a stack's name/],
    ['status --stack ziti_glb', /^--stack=ziti_glb is not a stack's name/],
    ['status --region=', /^--region= is not a region like eu-central-1/],
    ['status --region eu-central', /^--region=eu-central is not a region/],
    ['status --profile=', /^--profile= is not a profile/],
    ['--versoin', /^Unknown option '--versoin'\. Did you mean --version\?\n/],
    ['-v', /^Unknown option '-v'\n/],
  ])('%s', async (line, message) => {
    const { cli } = await deployed();
    const { code, out, err, access } = await cli(line);
    expect({ code, out, access }).toEqual({ code: 64, out: '', access: [] });
    expect(err).toMatch(message);
    expect(err).toContain('npm run -s ziti-glb -- --help');
  });
});

test.each(['explain', 'router', 'test', 'log', 'pause'])('%s takes no empty text', async (name) => {
  const { cli } = await deployed();
  const { code, err, access } = await cli([name, '']);
  expect({ code, access }).toEqual({ code: 64, access: [] });
  expect(err).toMatch(new RegExp(`^${name} was given an empty text: is a variable empty\\?\n`));
});

test.each(['--help', 'help', 'status -h', 'pause -hs ziti-glb-dev', '-hs ziti-glb-dev'])(
  '%s tells every command and every exit code',
  async (line) => {
    const { cli } = await deployed();
    const { code, out, access } = await cli(line);
    expect({ code, access }).toEqual({ code: 0, access: [] });
    for (const word of [
      'status',
      'plan',
      'explain <',
      'doctor',
      'router <',
      '--for=ready',
      'drain',
      'redrive',
      '--endpoint',
      '--profile',
      '64',
    ])
      expect(out).toContain(word);
  },
);

test.each(SHELLS)('completion %s asks nobody, and has each command and option', async (shell) => {
  const { cli } = await deployed();
  const { code, out, access } = await cli(`completion ${shell}`);
  expect({ code, access }).toEqual({ code: 0, access: [] });
  for (const word of ['status', 'explain', 'redrive', 'completion', 'watch', 'endpoint', 'yes'])
    expect(out).toContain(word);
});

describe('whom it asks', () => {
  test('is what the options say', async () => {
    const { cli } = await deployed();
    const { access } = await cli(
      'plan --region eu-west-1 --profile ops --endpoint https://example.com -s ziti-glb-dev',
    );
    expect(access).toEqual([{ region: 'eu-west-1', profile: 'ops', endpoint: 'https://example.com', timeout: 60 }]);
  });

  test('is the stack ziti-glb-dev of AWS, or ziti-glb-demo of a local cloud', async () => {
    const { cli, environments } = await deployed();
    expect((await cli('plan')).code).toBe(0);
    expect((await cli('plan --endpoint http://127.0.0.1:4780')).err).toContain('ziti-glb-demo-');
    for (const name of ['subnets', 'routers'])
      environments[`ziti-glb-demo-${name}`] = environments[`ziti-glb-dev-${name}`] ?? {};
    expect((await cli('plan --endpoint http://127.0.0.1:4780')).code).toBe(0);
  });

  test('is shown while it is asked', async () => {
    const { cli } = await deployed();
    const { progress, out } = await cli('plan');
    expect(progress[0]).toBe('asking AWS: GetFunctionConfiguration (1)');
    expect(progress.length).toBeGreaterThan(10);
    expect(out).not.toContain('asking');
  });
});

describe('what fails is said on standard error, with what to do, and exits with 1', () => {
  test('a stack that is not there', async () => {
    const { cli } = await deployed();
    const { code, out, err } = await cli('status --stack other');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^ResourceNotFoundException: Function not found: other-\w+\. Usually: no stack of this name/);
    expect(err).toContain('--stack, --profile, --region');
  });

  test('a stack of another version', async () => {
    const { cli, environments } = await deployed();
    environments['ziti-glb-dev-routers'] = {};
    const { code, err } = await cli('status');
    expect(code).toBe(1);
    expect(err).toMatch(
      /^Error: ziti-glb-dev is no stack of ziti-glb, or of another version than this command: name another/,
    );
    expect(err).toContain('The function is deployed with a wrong environment.');
    expect(err).toContain('LOAD_BALANCER_ARN');
  });
});
