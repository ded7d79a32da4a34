import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { describePackaged, packagedTemplate } from '../support/packaged.ts';

const role = z.object({
  Policies: z.array(
    z.object({
      PolicyDocument: z.object({ Statement: z.array(z.object({ Action: z.string().or(z.array(z.string())) })) }),
    }),
  ),
});
const dashboard = z.object({ DashboardBody: z.object({ 'Fn::Sub': z.tuple([z.string(), z.unknown()]) }) });

describePackaged('the function of the picture', () => {
  const resource = (name: string) =>
    packagedTemplate({ parameters: { vpcId: 'vpc-0123456789abcdef0', subnetIds: 'subnet-0123456789abcdef0' } })
      .Resources[name];

  test('may look and write its log, and nothing else', () => {
    const { Policies } = role.parse(resource('TopologyRole')?.Properties);
    const actions = Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement.flatMap(({ Action }) => Action));
    const others = actions.filter((action) => !/^\w+:(Describe|List)\w+$/.test(action));
    expect(actions).toContain('ec2:DescribeRouteTables');
    expect(others).toEqual(['logs:CreateLogStream', 'logs:PutLogEvents']);
  });

  test('is a widget of the dashboard, drawn again whenever that is refreshed, resized or moved in time', () => {
    const { DashboardBody } = dashboard.parse(resource('Dashboard')?.Properties);
    const { widgets } = JSON.parse(DashboardBody['Fn::Sub'][0]);
    expect(widgets).toContainEqual(
      expect.objectContaining({
        type: 'custom',
        properties: expect.objectContaining({
          endpoint: expect.stringMatching(/:function:\$\{stack\}-topology$/),
          updateOn: { refresh: true, resize: true, timeRange: true },
        }),
      }),
    );
    expect(resource('TopologyLambdaFunction')?.Properties).toMatchObject({ FunctionName: 'ziti-glb-test-topology' });
  });
});
