import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createMetrics } from '../../shared/metrics.ts';
import { captureLines } from '../support/capture-lines.ts';

let out: ReturnType<typeof captureLines>;
beforeEach(() => {
  out = captureLines();
});
afterEach(() => out.stop());

/** A line of CloudWatch's embedded metric format takes 100 values of a metric. */
test.each([99, 100, 101, 200, 250])('all lines of %i values have the dimensions and the version', (count) => {
  const measured = { OptedIn: 7, Ready: 7, SecondsToRoute: Array.from({ length: count }, (_, at) => at) };
  const publish = createMetrics('subnets', { stack: 'ziti-glb-test', version: '1.2.3' });
  publish(measured, [['vpc-0ab', measured]]);
  for (const [dimensions, of] of [
    [['service', 'stack'], out.lines().filter((line) => !('vpc' in line))],
    [['service', 'stack', 'vpc'], out.lines().filter((line) => 'vpc' in line)],
  ] as const) {
    expect(of).toHaveLength(Math.ceil(count / 100));
    for (const line of of) {
      expect(line).toMatchObject({ service: 'subnets', stack: 'ziti-glb-test', version: '1.2.3' });
      expect(line).toHaveProperty('_aws.CloudWatchMetrics.0.Dimensions', [dimensions]);
    }
    expect(of.flatMap(({ SecondsToRoute }) => SecondsToRoute)).toEqual(measured.SecondsToRoute);
    expect(of.flatMap(({ OptedIn = [] }) => OptedIn)).toEqual([7]);
  }
});
