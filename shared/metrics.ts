import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

/**
 * Every metric there is, in the namespace `ziti-glb`, with the dimensions `stack` and `service` (the function).
 * Gauges are as the last look of a pass found them; the rest is of the pass. A pass that was `covered` has none.
 */
export const METRICS = {
  // subnets
  OptedIn: [MetricUnit.Count, 'subnets that carry the tag'],
  Ready: [MetricUnit.Count, 'of those: all that they ask for is there'],
  Waiting: [MetricUnit.Count, 'of those: something is on its way, or missing for now'],
  Conflicts: [MetricUnit.Count, "of those: a route of somebody else's is in the way"],
  Refused: [MetricUnit.Count, 'of those: the tag asks for what cannot be'],
  Blocked: [MetricUnit.Count, 'routes that should go and cannot: their former target is gone, or AWS refuses'],
  SecondsToRoute: [
    MetricUnit.Seconds,
    "from a subnet's tag (its event, else the first look that saw it) to the first look that saw a route for it",
  ],

  // routers
  Routers: [MetricUnit.Count, 'instances that are to be healthy targets'],
  HealthyRouters: [MetricUnit.Count, 'of those: their target is healthy'],
  UnhealthyRouters: [MetricUnit.Count, 'of those: their target is unhealthy, though they have a diverter'],
  JoiningRouters: [MetricUnit.Count, 'of those: neither yet, they start, install or register'],
  DrainingRouters: [MetricUnit.Count, 'targets that keep the flows they have, and get no new ones'],
  RefusedRouters: [MetricUnit.Count, 'instances that carry the tag and cannot be routers'],
  OutdatedRouters: [MetricUnit.Count, 'healthy ones with another diverter than they are to have'],
  RepairsOfLastHour: [MetricUnit.Count, 'installs of the last hour for health checks that failed'],
  SecondsToHealthy: [
    MetricUnit.Seconds,
    "from an instance's LaunchTime, as EC2 has it, to the first look that saw its target healthy",
  ],

  // both
  ChangingCalls: [MetricUnit.Count, 'calls to AWS that changed something'],
  Throttles: [MetricUnit.Count, 'calls that AWS refused for there were too many, each retry counted'],
  Errors: [MetricUnit.Count, 'steps that still failed at the end of the pass, and looks that failed'],
  PassSeconds: [MetricUnit.Seconds, 'how long the pass took, its waiting included'],
} as const;

/**
 * Metrics that have the dimension `vpc` besides, of each VPC with opted-in subnets where a stack serves several: these alone, and of so many VPCs at
 * most, the first by their ids, so that none comes and goes. CloudWatch bills each by the month, and all together are in the others.
 */
export const METRICS_OF_VPC = ['OptedIn', 'Ready', 'SecondsToRoute'] as const;
export const VPCS_MEASURED = 30;

export type MetricName = keyof typeof METRICS;
const METRIC_NAMES = Object.keys(METRICS) as MetricName[];
/** A pass measured these, by metric. Several values are several samples. A name that is not in the table is not written. */
export type Measurements = Readonly<Record<string, number | readonly number[]>>;

/** Writes what a pass has measured, and of its VPCs by their ids, as lines of the log in CloudWatch's embedded metric format. */
export function createMetrics(serviceName: string, { stack, version }: { stack: string; version: string }) {
  const open = (dimensions: Record<string, string>) =>
    new Metrics({ namespace: 'ziti-glb', serviceName, defaultDimensions: { stack, ...dimensions } });
  const metrics = open({});
  return function publish(measured: Measurements, ofVpcs: [vpc: string, measured: Measurements][]) {
    write(metrics, measured, METRIC_NAMES);
    const served = ofVpcs.filter(([, { OptedIn }]) => OptedIn !== undefined && OptedIn !== 0);
    for (const [vpc, of] of served.toSorted(([a], [b]) => (a < b ? -1 : 1)).slice(0, VPCS_MEASURED))
      write(open({ vpc }), of, METRICS_OF_VPC);
  };

  function write(to: Metrics, measured: Measurements, names: readonly MetricName[]): void {
    for (const name of names) {
      const values = measured[name] ?? [];
      const [unit] = METRICS[name];
      for (const value of typeof values === 'number' ? [values] : values) {
        // Powertools writes a line when a metric has 100 values, and forgets with it what is no default dimension. The version is none:
        // each upgrade would begin another series.
        to.addMetadata('version', version).addMetric(name, unit, value);
      }
    }
    if (to.hasStoredMetrics()) to.publishStoredMetrics();
  }
}
