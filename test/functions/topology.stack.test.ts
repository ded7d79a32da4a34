import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { describePackaged, packagedTemplate } from '../support/packaged.ts';

const role = z.object({
  Policies: z.array(
    z.object({
      PolicyDocument: z.object({
        Statement: z.array(z.object({ Action: z.string().or(z.array(z.string())), Resource: z.unknown() })),
      }),
    }),
  ),
});
const dashboard = z.object({
  DashboardBody: z.object({ 'Fn::Sub': z.tuple([z.string(), z.record(z.string(), z.unknown())]) }),
});

describePackaged('the function of the picture', () => {
  const hub = { parameters: { vpcId: 'vpc-0123456789abcdef0', subnetIds: 'subnet-0123456789abcdef0' } };
  const spoke = {
    config: 'spoke.yml',
    parameters: {
      hubService: 'com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0',
      hubHealth: 'arn:aws:lambda:eu-central-1:111122223333:function:ziti-glb-dev-health',
    },
  };

  test.each([
    ['a hub', hub, ['logs:CreateLogStream', 'logs:PutLogEvents']],
    [
      'a spoke',
      spoke,
      ['logs:CreateLogStream', 'logs:PutLogEvents', 'ssm:GetParametersByPath', 'lambda:InvokeFunction'],
    ],
  ])('of %s may look and write its log, and nothing else', (_, packaging, may) => {
    const { Policies } = role.parse(packagedTemplate(packaging).Resources.TopologyRole?.Properties);
    const statements = Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
    const actions = statements.flatMap(({ Action }) => Action);
    expect(actions).toContain('ec2:DescribeRouteTables');
    expect(actions.filter((action) => !/^\w+:(Describe|List)\w+$/.test(action))).toEqual(may);
    const asks = statements.find(({ Action }) => Action === 'lambda:InvokeFunction');
    expect(asks?.Resource).toBe(packaging === spoke ? spoke.parameters.hubHealth : undefined);
  });

  test.each([
    ['a hub', hub, 'ziti-glb-test'],
    ['a spoke', spoke, 'ziti-glb-spoke-test'],
  ])(
    'of %s is a widget of the dashboard, drawn again whenever that is refreshed, resized or moved in time',
    (_, packaging, stack) => {
      const { Resources, Outputs } = packagedTemplate(packaging);
      const { DashboardBody } = dashboard.parse(Resources.Dashboard?.Properties);
      const [body, names] = DashboardBody['Fn::Sub'];
      expect(names.stack).toBe(stack);
      // Fn::Sub is given what the body uses, and no more: CloudFormation would refuse what it does not know, and a linter what nobody uses.
      const used = [...body.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);
      expect([...new Set(used)].toSorted()).toEqual(Object.keys(names).toSorted());
      expect(JSON.parse(body).widgets).toContainEqual(
        expect.objectContaining({
          type: 'custom',
          properties: expect.objectContaining({
            endpoint: expect.stringMatching(/:function:\$\{stack\}-topology$/),
            updateOn: { refresh: true, resize: true, timeRange: true },
          }),
        }),
      );
      expect(Resources.TopologyLambdaFunction?.Properties).toMatchObject({ FunctionName: `${stack}-topology` });
      expect(Outputs).toHaveProperty('Dashboard');
    },
  );
});
