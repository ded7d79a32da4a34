import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { parametersOfTemplate } from '../../release/parameters.ts';
import { read } from '../support/documents.ts';

const { version, scripts } = JSON.parse(read('package.json'));
const { Parameters } = z
  .object({ Parameters: z.record(z.string(), z.string()) })
  .parse(JSON.parse(read('examples/production.json')));
const workflow = z
  .object({
    permissions: z.record(z.string(), z.string()),
    jobs: z.object({
      deploy: z.object({
        steps: z.array(z.object({ run: z.string().optional(), 'working-directory': z.string().optional() })),
      }),
    }),
  })
  .parse(parse(read('examples/github-actions.yml')));
const lines = workflow.jobs.deploy.steps.flatMap(({ run = '' }) => run.trim().split('\n'));

test('the file of an environment has parameters of the template, as it takes them', () => {
  const all = parametersOfTemplate(version);
  expect(Object.keys(Parameters)).toEqual(expect.arrayContaining(['codeBucket', 'stage', 'vpcId', 'subnetIds']));
  for (const [name, value] of Object.entries(Parameters))
    expect([name, value]).toEqual([name, expect.stringMatching(new RegExp(`${all[name]?.AllowedPattern}`))]);
  for (const [name, { Default }] of Object.entries(all))
    if (Default === undefined) expect(Parameters).toHaveProperty(name);
});

test('the pipeline has no key, and may do no more with its token than exchange it and read', () => {
  expect(workflow.permissions).toEqual({ 'id-token': 'write', contents: 'read' });
  expect(read('examples/github-actions.yml')).not.toMatch(/secrets\.|aws-(access|secret)/);
});

test('the pipeline runs what there is, and puts code where the template looks', () => {
  for (const [, script = ''] of lines.join('\n').matchAll(/npm run (?:-s )?([\w:-]+)/g))
    expect(scripts).toHaveProperty(script);
  const prefix = `${parametersOfTemplate(version).codePrefix?.Default}`.replace(version, '');
  expect(lines.find((line) => line.startsWith('aws s3 cp'))).toContain(`/${prefix}\${{ github.ref_name }}"`);
  expect(lines.find((line) => line.startsWith('aws cloudformation'))).toContain('examples/production.json');
  expect(lines.at(-1)).toContain(`--stack ziti-glb-${Parameters.stage}`);
  expect(
    workflow.jobs.deploy.steps.some((step) => step['working-directory'] === `dist/ziti-glb-\${{ github.ref_name }}`),
  ).toBe(true);
});
