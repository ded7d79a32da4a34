import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { run } from '../../local/fabric/process.ts';
import { checkForgotten } from '../../resources/forgotten.js';
import { read } from '../support/documents.ts';
import { describePackaged, packagedTemplate } from '../support/packaged.ts';

const defaults = { vpcId: '', idleTimeout: 350, runbook: 'docs/runbook.md', tags: '' };

describe('a parameter that was given before, and is not now,', () => {
  test.each<[deployed: Record<string, unknown>, given: Record<string, unknown>]>([
    [{}, {}],
    [{ idleTimeout: '120' }, { idleTimeout: '120' }],
    [{ idleTimeout: '120' }, { idleTimeout: '130' }],
    [{ idleTimeout: '120' }, { idleTimeout: '350' }],
    [{ idleTimeout: '350' }, {}],
    [{ noneAnyMore: '1' }, {}],
  ])('is none of %j where %j is given', (deployed, given) => {
    expect(() => checkForgotten(deployed, given, defaults)).not.toThrow();
  });

  test('is told with what gives it again, and what resets it', () => {
    const deployed = { vpcId: 'vpc-1', idleTimeout: 120, tags: "Owner=it's" };
    expect(() => checkForgotten(deployed, { vpcId: 'vpc-1' }, defaults)).toThrow(
      "The stack was deployed with parameters that are not given now, and would silently get their defaults again. Give them as they were: --param idleTimeout=120 --param tags='Owner=it'\\''s'; or say that they are to be reset: --param idleTimeout=350 --param tags=' '",
    );
  });
});

describePackaged('a deployment', () => {
  const given = { vpcId: 'vpc-0123456789abcdef0', subnetIds: 'subnet-0123456789abcdef0' };
  const asked: string[] = [];
  /** CloudFormation answers as far as it is asked before anything is packaged. */
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      asked.push(new URLSearchParams(body).get('Action') ?? '');
      const { Metadata } = packagedTemplate({ parameters: { ...given, idleTimeout: '120' } });
      const text = JSON.stringify(Metadata).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
      response.end(
        `<GetTemplateSummaryResponse><GetTemplateSummaryResult><Metadata>${text}</Metadata></GetTemplateSummaryResult></GetTemplateSummaryResponse>`,
      );
    });
  });
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  afterAll(() => void server.close());

  test('says what the next one is to know', () => {
    const { version } = JSON.parse(read('package.json'));
    const parameters = { ...given, idleTimeout: '120' };
    expect(packagedTemplate({ parameters }).Metadata).toEqual({ 'ziti-glb': { version, parameters } });
  });

  test('is refused, before anything is changed in AWS, where a parameter of the former one is forgotten', async () => {
    const { port } = server.address() as AddressInfo;
    const environment = {
      ...process.env,
      ...{ AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
      ...{ AWS_REGION: 'eu-central-1', AWS_CONFIG_FILE: '/dev/null', AWS_EC2_METADATA_DISABLED: 'true' },
    };
    const parameters = Object.entries(given).flatMap(([name, value]) => ['--param', `${name}=${value}`]);
    const { code, stdout, stderr } = await run(['npx', 'serverless', 'deploy', ...parameters], { environment });
    expect([code, stdout + stderr]).toEqual([64, expect.stringContaining('--param idleTimeout=120; or say')]);
    // The framework tells of a failure for which account it was.
    expect(asked).toEqual(['GetTemplateSummary', 'GetCallerIdentity']);
  });
});
