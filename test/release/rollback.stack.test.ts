import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Stack } from '../../local/stack/deploy.ts';
import { parseTemplate, type Template } from '../../local/stack/template.ts';
import { plainTemplate } from '../../release/template.ts';
import { describePackaged, temporaryFolder } from '../support/packaged.ts';
import { type StackInBox, stackInBox } from '../support/stack.ts';

const NAME = 'ziti-glb-plain';

/** A newer version might be so: another version and script, an alarm and a permission more, a rule less. */
function newer(text: string): Template {
  const template = JSON.parse(text);
  const { Resources } = template;
  Resources.InstallDocument.Properties.Content.description = 'As it is now';
  Resources.LaterAlarm = Resources.RouterUnhealthy;
  for (const { Type, Properties } of Object.values<{ Type: string; Properties: Record<string, never> }>(Resources))
    if (Type === 'AWS::Lambda::Function') Object(Properties).Environment.Variables.VERSION = '99.0.0';
  const role = JSON.stringify(Resources.RoutersRole);
  Resources.RoutersRole = JSON.parse(role.replace('"ec2:DescribeVpcs"', '"ec2:DescribeVpcs","ec2:DescribeTags"'));
  const rule = Object.keys(Resources).find((id) =>
    JSON.stringify(Resources[id].Properties.EventPattern)?.includes('CreateRoute'),
  );
  for (const id of Object.keys(Resources))
    if (
      id === rule ||
      (Resources[id].Type === 'AWS::Lambda::Permission' && JSON.stringify(Resources[id]).includes(`"${rule}"`))
    )
      delete Resources[id];
  template.Outputs.Version.Value = '99.0.0';
  return parseTemplate(JSON.stringify(template));
}

describePackaged('a version that turned out wrong', () => {
  let stack: StackInBox;
  let text: string;
  let code: ReadonlyMap<string, string>;
  beforeAll(async () => {
    const made = plainTemplate(temporaryFolder('plain-'));
    text = JSON.stringify(made.template);
    code = made.code;
    stack = await stackInBox();
  });
  afterAll(() => stack?.box.close());

  test('is rolled back by the one before, deployed over it: all is as it was, and a route stands throughout', async () => {
    const { box, operator, until, routed } = stack;
    const given = {
      ...{ vpcId: box.network.vpcId, subnetIds: box.network.subnetIds },
      stage: 'plain',
      tagKey: 'plain',
    };
    const deploy = (template: Template, prefix: string, more: Record<string, string> = {}) =>
      box.deployTemplate(
        NAME,
        template,
        { ...given, codeBucket: 'releases', codePrefix: prefix, ...more },
        new Map([...code].map(([key, path]) => [`${prefix}/${key}`, path])),
      );
    const known = ({ resources }: Stack) =>
      Object.fromEntries(
        [...resources].map(([id, { type, properties, made }]) => [id, { type, properties, ref: made.ref }]),
      );
    const policies = () => [...box.roles.values()].map(({ name, policies: of }) => ({ name, of }));

    // The stack that the box deploys first serves meanwhile: nothing of the other one is its business.
    await operator.launch('router-1', 0);
    await operator.tag('app-a', '10.20.0.0/16');
    const served = await routed('10.20.0.0/16');

    const before = await deploy(parseTemplate(text), 'ziti-glb/1');
    const [was, might] = [known(before), policies()];

    const later = await deploy(newer(text), 'ziti-glb/2', { failover: 'rebalance', idleTimeout: '120' });
    expect(later.outputs.Version).toBe('99.0.0');
    expect(later.resources.has('LaterAlarm')).toBe(true);
    expect(policies()).not.toEqual(might);

    const back = await deploy(parseTemplate(text), 'ziti-glb/1');
    expect(known(back)).toEqual(was);
    expect(back.outputs).toEqual(before.outputs);
    expect(policies()).toEqual(might);
    expect(await until('route', async () => (await operator.endpointRoutes())[0])).toMatchObject(served);
    await box.remove(back);
  });

  test('that cannot be deployed leaves what was: nobody has to roll back', async () => {
    const { box } = stack;
    const given = {
      ...{ vpcId: box.network.vpcId, subnetIds: box.network.subnetIds },
      stage: 'other',
      tagKey: 'other',
    };
    const files = new Map([...code].map(([key, path]) => [`ziti-glb/1/${key}`, path]));
    const parameters = { ...given, codeBucket: 'releases-other', codePrefix: 'ziti-glb/1' };
    const before = await box.deployTemplate('ziti-glb-other', parseTemplate(text), parameters, files);
    const [was, outputs] = [[...before.resources].map(([id, { properties }]) => [id, properties]), before.outputs];
    // Nobody has copied its code into the bucket.
    const absent = { ...parameters, codePrefix: 'ziti-glb/2' };
    await expect(box.deployTemplate('ziti-glb-other', newer(text), absent, new Map())).rejects.toThrow(
      /LambdaFunction could not be changed: .*NoSuchKey/,
    );
    const again = await box.deployTemplate('ziti-glb-other', parseTemplate(text), parameters, new Map());
    expect([[...again.resources].map(([id, { properties }]) => [id, properties]), again.outputs]).toEqual([
      was,
      outputs,
    ]);
    await box.remove(again);
  });
});
