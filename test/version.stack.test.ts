import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { packages } from '../resources/diverter.js';
import { read } from './support/documents.ts';
import { describePackaged, packaged, packagedTemplate } from './support/packaged.ts';

const { version } = JSON.parse(read('package.json'));
const packaging = {
  parameters: { vpcId: 'vpc-0123456789abcdef0', subnetIds: 'subnet-0123456789abcdef0', tags: 'Team=network' },
};
const run = (file: string, ...args: string[]) => spawnSync(file, args, { encoding: 'utf8' }).stdout;

describe('the version of package.json', () => {
  test('is one of semantic versioning, and the newest of the change log', () => {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    const headings = [...read('CHANGELOG.md').matchAll(/^## (\S+)/gm)].map(([, heading]) => heading);
    expect(headings[0]).toBe(version);
  });

  test('is what the command line tells', () => {
    expect(run(process.execPath, 'bin/ziti-glb.ts', '--version')).toBe(`ziti-glb ${version}\n`);
  });
});

describePackaged('the version of package.json', () => {
  test('is what the diverter tells, to a person and to ziti-router', () => {
    expect(run('bpf/build/diverter', '--version')).toBe(`diverter ${version}\n`);
    expect(run('bpf/build/diverter', '--help')).toContain(`diverter ${version}: `);
  });

  test.each(packages())('is that of the package for $architecture', ({ path }) => {
    expect(run('dpkg-deb', '--field', path, 'Version')).toBe(`${version}\n`);
  });

  test('is in what is deployed: its description, an output, each function, the tags of all that it makes', () => {
    const { Description, Outputs, Resources } = packagedTemplate(packaging);
    expect(Description).toContain(`ziti-glb ${version}`);
    expect(Outputs.Version?.Value).toBe(version);
    const functions = Object.values(Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');
    expect(functions).toHaveLength(4);
    for (const { Properties } of functions)
      expect(Properties).toMatchObject({ Environment: { Variables: { VERSION: version } } });
    const state = JSON.parse(readFileSync(`${packaged(packaging)}/serverless-state.json`, 'utf8'));
    expect(state.service.provider.stackTags).toEqual({ Team: 'network', 'ziti-glb:version': version });
  });
});
