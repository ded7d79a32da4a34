// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html

/** Fn::Sub puts these in, see dashboard.yml. */
const value = (name) => `\${${name}}`;

/**
 * A metric of the load balancer is found by the id that ends its name: AWS's page begins that name otherwise than the ARN.
 * It has host counts by target group, and all others by load balancer alone:
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/cloudwatch-metrics.html
 */
const balancer = (metric, stat, label, dimensions = 'LoadBalancer') => [
  {
    expression: `SEARCH('{AWS/GatewayELB,${dimensions}} MetricName="${metric}" ${value('loadBalancerId')}', '${stat}', 60)`,
    label,
  },
];
const targets = (metric, label) => balancer(metric, 'Maximum', label, 'LoadBalancer,TargetGroup');
const gauge = (service, metric, label, stat = 'Minimum') => [
  'ziti-glb',
  metric,
  'stack',
  value('stack'),
  'service',
  service,
  { stat, label },
];
/** Endpoints have metrics by subnet: https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-cloudwatch-metrics.html */
const searched = (metric, stat) =>
  `SEARCH('{AWS/PrivateLinkEndpoints,"Endpoint Type","Service Name","Subnet Id","VPC Endpoint Id","VPC Id"} MetricName="${metric}" ${value('serviceId')}', '${stat}', 60)`;
const endpoints = (metric, stat) => [{ expression: searched(metric, stat), label: value("!PROP('Dim.Subnet Id')") }];
/** All endpoints share one line, however many they are. */
const allEndpoints = (metric, label) => [{ expression: `SUM(${searched(metric, 'Sum')})`, label }];
/** A stack that serves several VPCs has these metrics of each: shared/metrics.ts. */
const ofVpcs = (metric, stat, title = '') => [
  {
    expression: `SEARCH('{ziti-glb,service,stack,vpc} MetricName="${metric}" service="subnets" stack="${value('stack')}"', '${stat}', 60)`,
    label: `${value("!PROP('Dim.vpc')")}${title}`,
  },
];
const lambda = (metric, name, stat) => [
  'AWS/Lambda',
  metric,
  'FunctionName',
  `${value('stack')}-${name}`,
  { stat, label: name },
];
const queue = (name, label) => [
  'AWS/SQS',
  'ApproximateNumberOfMessagesVisible',
  'QueueName',
  value(name),
  { stat: 'Maximum', label },
];

const graph = (title, metrics, more = {}) => ({
  type: 'metric',
  width: 8,
  height: 6,
  properties: {
    title,
    region: value('AWS::Region'),
    view: 'timeSeries',
    period: 60,
    yAxis: { left: { min: 0 } },
    metrics,
    ...more,
  },
});

const log = (names, title, query) => ({
  type: 'log',
  width: 24,
  height: 7,
  properties: {
    title,
    region: value('AWS::Region'),
    view: 'table',
    query: `${names.map((name) => `SOURCE '/aws/lambda/${value('stack')}-${name}'`).join(' | ')} | ${query}`,
  },
});

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html */
const picture = (title) => ({
  type: 'custom',
  width: 24,
  height: 10,
  properties: {
    title,
    endpoint: `arn:${value('AWS::Partition')}:lambda:${value('AWS::Region')}:${value('AWS::AccountId')}:function:${value('stack')}-topology`,
    updateOn: { refresh: true, resize: true, timeRange: true },
  },
});

/** Graphs show all VPCs together, and beside them each of several: no more lines than shared/metrics.ts has metrics of VPCs. */
const subnets = [
  graph('Subnets', [
    gauge('subnets', 'OptedIn', 'opted in'),
    gauge('subnets', 'Ready', 'ready'),
    gauge('subnets', 'Waiting', 'waiting'),
    gauge('subnets', 'Conflicts', 'in conflict'),
    gauge('subnets', 'Refused', 'refused'),
    gauge('subnets', 'Blocked', 'blocked'),
  ]),
  graph('Subnets by VPC, where there are several', [
    ofVpcs('OptedIn', 'Minimum', ' opted in'),
    ofVpcs('Ready', 'Minimum', ' ready'),
  ]),
  graph('Seconds from tag to route', [
    gauge('subnets', 'SecondsToRoute', 'all', 'Maximum'),
    ofVpcs('SecondsToRoute', 'Maximum'),
  ]),
];

/** Lambda measures the functions with these names. */
const runs = (names) => [
  graph(
    'Runs that failed',
    names.map((name) => lambda('Errors', name, 'Sum')),
    { period: 300 },
  ),
  graph(
    'How long runs take',
    names.map((name) => lambda('Duration', name, 'Maximum')),
    { period: 300 },
  ),
  graph('Events given up', [queue('failed', 'failed'), queue('undelivered', 'undelivered')], { period: 300 }),
  log(
    names,
    'What was changed',
    'fields @timestamp, service, message, cause | filter ispresent(step.kind) | sort @timestamp desc | limit 50',
  ),
  log(
    names,
    'What waits for a person, and what AWS refused',
    String.raw`fields @timestamp, service, level, coalesce(message, @message) as said | filter level in ["WARN", "ERROR"] or @message like /Task timed out|Uncaught|Runtime\./ | sort @timestamp desc | limit 50`,
  ),
];

const dropped = graph('Packets that endpoints dropped, by subnet', [endpoints('PacketsDropped', 'Sum')]);
const written = (widgets) => JSON.stringify({ start: '-PT6H', widgets });

export const body = () =>
  written([
    picture('Subnets, endpoints, load balancer, routers'),
    graph('Routers', [
      gauge('routers', 'HealthyRouters', 'healthy'),
      gauge('routers', 'UnhealthyRouters', 'unhealthy'),
      targets('HealthyHostCount', 'targets healthy for AWS'),
      targets('UnHealthyHostCount', 'targets unhealthy for AWS'),
    ]),
    graph('Flows', [
      balancer('NewFlowCount', 'Sum', 'new'),
      balancer('ActiveFlowCount', 'Maximum', 'active'),
      balancer('RejectedFlowCount_TCP', 'Sum', 'rejected'),
    ]),
    graph('Bytes', [balancer('ProcessedBytes', 'Sum', 'bytes')]),
    ...subnets,
    graph('Peaks in a second', [
      balancer('PeakBytesPerSecond', 'Maximum', 'bytes'),
      balancer('PeakPacketsPerSecond', 'Maximum', 'packets'),
    ]),
    dropped,
    graph('Answers that the load balancer dropped', [
      balancer('PacketsDroppedCount_InvalidGeneveTunnel', 'Sum', 'in no tunnel'),
      balancer('PacketsDroppedCount_InvalidGwlbEndpointId', 'Sum', 'to no endpoint'),
      balancer('PacketsDroppedCount_InvalidGwlbFlowCookie', 'Sum', 'to no flow'),
    ]),
    ...runs(['routers', 'subnets']),
  ]);

/** The load balancer's metrics are in the hub's account, those of endpoints in their own. */
export const spokeBody = () =>
  written([
    picture('Subnets, endpoints, the routers of the hub'),
    ...subnets,
    graph('Connections', [allEndpoints('NewConnections', 'new'), allEndpoints('ActiveConnections', 'active')]),
    graph('Bytes', [allEndpoints('BytesProcessed', 'bytes')]),
    dropped,
    ...runs(['subnets']),
  ]);
