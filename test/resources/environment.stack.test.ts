import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { documents } from '../support/documents.ts';
import { describePackaged, packageStack } from '../support/packaged.ts';

/** The guide has one add this line. */
const [, line = ''] =
  /^```yaml\nparams:\n( {2}production: .*)\n```$/m.exec(documents.get('docs/operating.md') ?? '') ?? [];

describePackaged('parameters of an environment', () => {
  const edit = (text: string) => text.replace('params:\n', `params:\n${line}\n`);
  const metadata = (folder: string) =>
    JSON.parse(readFileSync(`${folder}/cloudformation-template-update-stack.json`, 'utf8')).Metadata['ziti-glb']
      .parameters;

  test('stand in a file that its stage names, and those of the command line go before them', () => {
    const parameters = { alarmEmail: 'on-call@example.org' };
    const { folder, status, said } = packageStack({ stage: 'production', parameters, edit });
    expect([status, said]).toEqual([0, expect.stringContaining('Service packaged')]);
    expect(metadata(folder)).toEqual({
      vpcId: 'vpc-0123456789abcdef0',
      subnetIds: 'subnet-0123456789abcdef0,subnet-0123456789abcdef1',
      ...parameters,
    });
  });

  test('are no other stage’s', () => {
    const { status, said } = packageStack({ stage: 'dev', parameters: {}, edit });
    expect([status, said]).toEqual([64, expect.stringContaining('The parameter vpcId must be given')]);
  });
});
