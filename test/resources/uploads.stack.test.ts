import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { DIVERTER, describePackaged, packaged } from '../support/packaged.ts';

/** From this size on the SDK uploads in parts, the AWS CLI from 8 MB on: https://docs.aws.amazon.com/cli/latest/topic/s3-config.html#multipart-threshold */
const IN_PARTS = 5 * 1024 * 1024;

describePackaged('what is uploaded', () => {
  test('is so small that no tool does it in parts, which the local cloud does not take', () => {
    const folder = packaged({ parameters: { vpcId: 'vpc-0123456789abcdef0', subnetIds: 'subnet-0123456789abcdef0' } });
    const paths = [DIVERTER, ...readdirSync(folder).map((name) => join(folder, name))];
    const sizes = paths.map((path) => statSync(path).size);
    expect(sizes.length).toBeGreaterThan(5);
    expect(Math.max(...sizes)).toBeLessThan(IN_PARTS / 2);
  });
});
