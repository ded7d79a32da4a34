import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { awsClients } from '../../bin/clients.ts';
import { run } from '../../bin/run.ts';
import type { Terminal } from '../../bin/terminal.ts';
import { writeCredentials } from '../../local/credentials.ts';
import { HUB, parametersOfTemplate, SPOKE } from '../../release/parameters.ts';
import { commands, read } from '../support/documents.ts';
import { describePackaged, packageStack } from '../support/packaged.ts';
import { type StackInBox, stackInBox } from '../support/stack.ts';

/** CI itself runs these, or a test of their own: where, and what shows it. */
const ELSEWHERE: Record<string, [file: string, shown: string]> = {
  'npm ci': ['.ci/run', 'npm ci'],
  'npm test': ['package.json', 'npm run test:unit && npm run test:stack && npm run test:kernel'],
  'npm run test:unit': ['.ci/run', 'npm run test:unit'],
  'npm run check': ['.ci/run', 'npm run check'],
  'npm run bench:diverter': ['.ci/run', 'npm run bench:diverter'],
  'npm run bench:control': ['.ci/run', 'npm run bench:control'],
  'npm run second-opinions': ['package.json', 'test/opinions/run.ts'],
  'npm run bench:cli': ['package.json', 'bench/cli.ts'],
  'npm run test:kernel': ['package.json', 'npm run test:kernel:together && npm run test:kernel:alone'],
  'npm run bench:lambda': ['.ci/run', 'npm run bench:lambda'],
  'npm run demo': ['test/local/demo/demo.kernel.test.ts', "'npm', 'run', 'demo'"],
  'npm run demo -- --vpcs': ['test/local/demo/demo.kernel.test.ts', "demo('--vpcs')"],
  'npm ci && npm run demo': ['test/local/demo/demo.kernel.test.ts', "'npm', 'run', 'demo'"],
  'npm ci && npm run demo -- --keep': ['test/local/demo/demo.kernel.test.ts', '--keep'],
  'npm ci && make -C bpf deb': ['local/setup.ts', "['bpf', 'deb']"],
  'npx serverless deploy --stage production --region eu-central-1': [
    'test/resources/environment.stack.test.ts',
    "stage: 'production'",
  ],
  'npm run -s ziti-glb -- drain --region eu-central-1': ['test/resources/removal.stack.test.ts', 'drain'],
  'npm run -s ziti-glb -- status --endpoint http://127.0.0.1:4780 --profile 222233334444 --stack ziti-glb-spoke-demo': [
    'test/local/stack/serverless.stack.test.ts',
    ' -- status ',
  ],
  'npm run -s ziti-glb -- redrive --region eu-central-1': ['test/bin/changes.test.ts', 'redrive'],
};

/** The box here has a value of its own for these options. */
const BOXS = new Set(['--endpoint', '--stack']);

/** `…` stands for the rest of an id, each time of another one. */
function parametersOf(command: string): Record<string, string> {
  let ids = 0;
  const whole = command.replace(/…/g, () => `0123456789abcdef${ids++}`);
  return Object.fromEntries(
    [...whole.matchAll(/--param (\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]),
  );
}

describePackaged('what the documents have a reader type', () => {
  // Commands that are typed at OpenZiti and its routers have their test in routers.test.ts.
  const ours = commands().filter(({ path, command }) => path !== 'docs/routers.md' && !command.startsWith('ziti '));
  const all = [...new Map(ours.map((each) => [each.command, each])).values()];
  let stack: StackInBox;
  let forget: (() => void) | undefined;
  beforeAll(async () => {
    stack = await stackInBox();
    forget = writeCredentials(stack.box.endpoint, stack.box.credentials);
    await stack.operator.launch('router-1', 0);
    await stack.operator.tag('app-b', '10.20.0.0/16');
  });
  afterAll(async () => {
    forget?.();
    await stack?.box.close();
  });

  test.each(all.filter(({ command }) => command in ELSEWHERE))('$command has its test elsewhere', ({ command }) => {
    const [file = '', shown = ''] = ELSEWHERE[command] ?? [];
    expect(read(file)).toContain(shown);
  });

  const asks = all.filter(({ command }) => command.startsWith('npm run -s ziti-glb -- ') && !(command in ELSEWHERE));
  test.each(asks)('$command', async ({ command }) => {
    const said: string[] = [];
    const terminal: Terminal = {
      out: (...lines: string[]) => void said.push(...lines),
      err: (...lines: string[]) => void said.push(`error: ${lines.join()}`),
      progress() {},
      paint: (_, text) => text,
      confirm: async () => false,
      clear() {},
      sleep: async () => {},
      atInterrupt() {},
    };
    const argv = command
      .split(' ')
      .slice(5)
      .map((word) => (word.startsWith('subnet-') ? 'app-b' : word))
      .filter((word, index, words) => !BOXS.has(word) && !BOXS.has(words[index - 1] ?? ''));
    const box = ['--endpoint', stack.box.endpoint, '--stack', stack.box.stack.name];
    const code = await run([...argv, ...box], terminal, awsClients);
    expect([0, 2]).toContain(code);
    expect(said.join('\n')).not.toContain('error:');
    expect(said.length).toBeGreaterThan(0);
  });

  const deployments = all.filter(
    ({ command }) => command.startsWith('npx serverless deploy ') && !(command in ELSEWHERE),
  );
  test.each(deployments)('$command, as far as it needs no AWS', ({ command }) => {
    const [, config = 'serverless.yml'] = / --config (\S+)/.exec(command) ?? [];
    const { status, said } = packageStack({ config, parameters: parametersOf(command) });
    expect([status, said]).toEqual([0, expect.stringContaining('Service packaged')]);
  });

  const { version } = JSON.parse(read('package.json'));
  const templateOf = (command: string) => parametersOfTemplate(version, / spoke\//.test(command) ? SPOKE : HUB);
  const plain = all.filter(({ command }) => command.startsWith('aws cloudformation deploy '));
  test.each(plain)('$command gives parameters that the template has, and all that it must have', ({ command }) => {
    const given = (command.split(' --parameter-overrides ')[1]?.split(' ') ?? []).map((each) => each.split('=')[0]);
    const constraints = templateOf(command);
    for (const name of given) expect(Object.keys(constraints)).toContain(name);
    for (const [name, { Default }] of Object.entries(constraints))
      if (Default === undefined) expect(given).toContain(name);
    expect(read('release/release.ts')).toContain("'template.json'");
  });
  /** The template looks for the folder `code` where it is copied to: its codePrefix. */
  const copies = all.filter(({ command }) => command.startsWith('aws s3 cp '));
  test.each(copies)('$command copies to where the template looks', ({ command }) => {
    const [, folder] = /^aws s3 cp --recursive (code|spoke\/code) /.exec(command) ?? [];
    const prefix = templateOf(command).codePrefix?.Default;
    expect(command).toBe(`aws s3 cp --recursive ${folder} s3://BUCKET/${prefix}`);
  });
  test('of a release there are the hub’s and the spoke’s', () => {
    expect([plain.length, copies.length]).toEqual([2, 2]);
  });

  const elsewhere = all.filter(({ command }) => /^(ziti |sudo diverter |journalctl |export ZITI_)/.test(command));

  test('and nothing else, but on a router or beside its controller, and to remove a stack, which has its test elsewhere', () => {
    const known = [...asks, ...deployments, ...plain, ...copies, ...elsewhere].map(({ command }) => command);
    const rest = all.filter(({ command }) => !(command in ELSEWHERE) && !known.includes(command));
    const removals = rest.map(({ path, command }) => [path, command.replace(/ --.*/, '')]);
    expect(removals).toEqual([
      ['docs/deploying.md', 'npx serverless remove'],
      ['docs/tutorial.md', 'npx serverless remove'],
    ]);
    expect(read('test/resources/removal.stack.test.ts')).toContain('remove');
    expect(read('test/local/stack/serverless.stack.test.ts')).toContain("path === 'docs/tutorial.md'");
  });
});
