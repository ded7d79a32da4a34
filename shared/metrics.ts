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

export type MetricName = keyof typeof METRICS;
/** A pass measured these, by metric. Several values are several samples. A name that is not in the table is not written. */
export type Measurements = Readonly<Record<string, number | readonly number[]>>;

/** Writes metrics as lines of the log, in CloudWatch's embedded metric format. */
export function createMetrics(
  serviceName: string,
  { stack, version }: { stack: string; version: string },
): { publish(measured: Measurements): void } {
  const metrics = new Metrics({ namespace: 'ziti-glb', serviceName, defaultDimensions: { stack } });
  return {
    publish(measured) {
      for (const [name, [unit]] of Object.entries(METRICS)) {
        const values = measured[name] ?? [];
        for (const value of typeof values === 'number' ? [values] : values) metrics.addMetric(name, unit, value);
      }
      // No dimension: each upgrade would begin another series.
      metrics.addMetadata('version', version);
      metrics.publishStoredMetrics();
    },
  };
}
