// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html

/** What Fn::Sub puts in, see dashboard.yml. */
const value = (name) => `\${${name}}`;

/**
 * A metric of the load balancer, found by the id that ends its name: AWS's page begins that name otherwise than the ARN.
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
const gauge = (metric, label) => [
  'ziti-glb',
  metric,
  'stack',
  value('stack'),
  'service',
  'routers',
  { stat: 'Minimum', label },
];
/** By subnet: https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-cloudwatch-metrics.html */
const endpoints = (metric, stat) => [
  {
    expression: `SEARCH('{AWS/PrivateLinkEndpoints,"Endpoint Type","Service Name","Subnet Id","VPC Endpoint Id","VPC Id"} MetricName="${metric}" ${value('serviceId')}', '${stat}', 60)`,
    label: value("!PROP('Dim.Subnet Id')"),
  },
];
/** Of a stack that serves several: shared/metrics.ts. */
const ofVpcs = (metric, stat, title = '') => ({
  expression: `SEARCH('{ziti-glb,service,stack,vpc} MetricName="${metric}" service="subnets" stack="${value('stack')}"', '${stat}', 60)`,
  label: `${value("!PROP('Dim.vpc')")}${title}`,
});
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

const log = (title, query) => ({
  type: 'log',
  width: 24,
  height: 7,
  properties: {
    title,
    region: value('AWS::Region'),
    view: 'table',
    query: `${['routers', 'subnets'].map((name) => `SOURCE '/aws/lambda/${value('stack')}-${name}'`).join(' | ')} | ${query}`,
  },
});

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html */
const picture = {
  type: 'custom',
  width: 24,
  height: 10,
  properties: {
    title: 'Subnets, endpoints, load balancer, routers',
    endpoint: `arn:${value('AWS::Partition')}:lambda:${value('AWS::Region')}:${value('AWS::AccountId')}:function:${value('stack')}-topology`,
    updateOn: { refresh: true, resize: true, timeRange: true },
  },
};

const widgets = [
  picture,
  graph('Routers', [
    gauge('HealthyRouters', 'healthy'),
    gauge('UnhealthyRouters', 'unhealthy'),
    targets('HealthyHostCount', 'targets healthy for AWS'),
    targets('UnHealthyHostCount', 'targets unhealthy for AWS'),
  ]),
  graph('Flows', [
    balancer('NewFlowCount', 'Sum', 'new'),
    balancer('ActiveFlowCount', 'Maximum', 'active'),
    balancer('RejectedFlowCount_TCP', 'Sum', 'rejected'),
  ]),
  graph('Subnets by VPC', [ofVpcs('OptedIn', 'Minimum', ' opted in'), ofVpcs('Ready', 'Minimum', ' ready')]),
  graph('Seconds from tag to route, by VPC', [ofVpcs('SecondsToRoute', 'Maximum')]),
  graph('Bytes', [balancer('ProcessedBytes', 'Sum', 'bytes')]),
  graph('Peaks in a second', [
    balancer('PeakBytesPerSecond', 'Maximum', 'bytes'),
    balancer('PeakPacketsPerSecond', 'Maximum', 'packets'),
  ]),
  graph('Packets that endpoints dropped, by subnet', [endpoints('PacketsDropped', 'Sum')]),
  graph('Answers that the load balancer dropped', [
    balancer('PacketsDroppedCount_InvalidGeneveTunnel', 'Sum', 'in no tunnel'),
    balancer('PacketsDroppedCount_InvalidGwlbEndpointId', 'Sum', 'to no endpoint'),
    balancer('PacketsDroppedCount_InvalidGwlbFlowCookie', 'Sum', 'to no flow'),
  ]),
  graph(
    'Runs that failed',
    ['routers', 'subnets'].map((name) => lambda('Errors', name, 'Sum')),
    { period: 300 },
  ),
  graph(
    'How long runs take',
    ['routers', 'subnets'].map((name) => lambda('Duration', name, 'Maximum')),
    { period: 300 },
  ),
  graph('Events given up', [queue('failed', 'failed'), queue('undelivered', 'undelivered')], { period: 300 }),
  log(
    'What was changed',
    'fields @timestamp, service, message, cause | filter ispresent(step.kind) | sort @timestamp desc | limit 50',
  ),
  log(
    'What waits for a person, and what AWS refused',
    String.raw`fields @timestamp, service, level, coalesce(message, @message) as said | filter level in ["WARN", "ERROR"] or @message like /Task timed out|Uncaught|Runtime\./ | sort @timestamp desc | limit 50`,
  ),
];

export const body = () => JSON.stringify({ start: '-PT6H', widgets });
