// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html

/** What Fn::Sub puts in, see dashboard.yml. */
const value = (name) => `\${${name}}`;

const ofRouters = ['LoadBalancer', value('loadBalancer'), 'TargetGroup', value('targetGroup')];
const routers = (metric, stat, label) => ['AWS/GatewayELB', metric, ...ofRouters, { stat, label }];
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
    routers('HealthyHostCount', 'Maximum', 'healthy'),
    routers('UnHealthyHostCount', 'Maximum', 'unhealthy'),
  ]),
  graph('Flows', [routers('NewFlowCount', 'Sum', 'new'), routers('ActiveFlowCount', 'Sum', 'active')]),
  graph('Bytes', [routers('ProcessedBytes', 'Sum', 'bytes')]),
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
