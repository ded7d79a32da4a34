import { describe, expect, test } from '@jest/globals';
import { defaults } from '../../bin/defaults.ts';
import { SCHEMA_VERSION } from '../../bin/formats.ts';
import { version } from '../../bin/version.ts';
import { deployed, serverless, stackOf, UPDATED } from './stage.ts';

const plain = stackOf(
  'network',
  {
    Parameters: {
      vpcId: { Type: 'String' },
      stage: { Type: 'String', Default: 'dev' },
      idleTimeout: { Type: 'Number', Default: 350 },
    },
  },
  { vpcId: 'vpc-1', idleTimeout: '400' },
  { Version: version },
);

describe('config', () => {
  test('shows what serverless deployed a stack with, where it is not the default', async () => {
    const { cli } = await deployed({ deployed: [serverless({ vpcId: 'vpc-1', idleTimeout: '400', reply: 'direct' })] });
    const { code, out } = await cli('config');
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      `ziti-glb-dev  UPDATE_COMPLETE  version ${version}  2026-11-29 05:00:00 UTC`,
      '',
      'PARAMETER    VALUE  DEFAULT',
      "vpcId        vpc-1  ''",
      'idleTimeout  400    350',
      '',
      `${Object.keys(defaults).length - 2} others have their defaults.`,
    ]);
  });

  test('shows the same of a plain template, under whatever name it was deployed', async () => {
    const { cli } = await deployed({ deployed: [plain] });
    const { out } = await cli('config');
    expect(out).toMatch(/^network {2}UPDATE_COMPLETE {2}version/);
    expect(out).toMatch(/\nvpcId +vpc-1 +must be given\nidleTimeout +400 +350\n\n1 others/);
  });

  test('is JSON for programs', async () => {
    const { cli } = await deployed({ deployed: [plain] });
    expect(JSON.parse((await cli('config --json')).out)).toEqual({
      ...{ schemaVersion: SCHEMA_VERSION, name: 'network', status: 'UPDATE_COMPLETE', version, at: UPDATED },
      parameters: { vpcId: 'vpc-1', stage: 'dev', idleTimeout: '400' },
      defaults: { stage: 'dev', idleTimeout: '350' },
    });
  });

  test('tells of a stack whose functions are of another version, which no other command understands', async () => {
    const { cli, environments } = await deployed({ deployed: [serverless({ vpcId: 'vpc-1' }, '0.0.9')] });
    for (const variables of Object.values(environments)) delete variables.TAG_KEY;
    const { code, out } = await cli('config');
    expect([code, out]).toEqual([0, expect.stringContaining(`This command is of version ${version}`)]);
    expect((await cli('status')).code).toBe(1);
  });

  test('says where it has looked for one that is not there', async () => {
    const { cli } = await deployed();
    const { code, out, err } = await cli('config --stack ziti-glb-prod');
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/CloudFormation has no stack ziti-glb-prod here: name another --stack or --region/);
  });

  test('takes nothing more', async () => {
    const { cli } = await deployed();
    expect((await cli('config x')).err).toMatch(/^config takes nothing more/);
  });
});
