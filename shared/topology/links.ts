/** A stack runs there. */
export interface Place {
  partition: string;
  region: string;
  /** Prefix of its functions' names. */
  stack: string;
}

/** Milliseconds since the epoch. */
export interface TimeRange {
  start: number;
  end: number;
}

/** The console's domain in each partition that people can sign up for. */
const CONSOLES: Record<string, string> = {
  aws: 'console.aws.amazon.com',
  'aws-cn': 'console.amazonaws.cn',
  'aws-us-gov': 'console.amazonaws-us-gov.com',
  'aws-eusc': 'console.amazonaws-eusc.eu',
};

/** Each kind of id that has a page in the console: service, and the page without the id. */
const PAGES: Record<string, string> = {
  subnet: 'vpcconsole/home?region=REGION#SubnetDetails:subnetId=',
  vpc: 'vpcconsole/home?region=REGION#VpcDetails:VpcId=',
  vpce: 'vpcconsole/home?region=REGION#EndpointDetails:vpcEndpointId=',
  rtb: 'vpcconsole/home?region=REGION#RouteTableDetails:RouteTableId=',
  i: 'ec2/home?region=REGION#InstanceDetails:instanceId=',
  eni: 'ec2/home?region=REGION#NetworkInterface:networkInterfaceId=',
};

/** The console's page of a resource, or undefined if it has none that is known. */
export function consolePage({ partition, region }: Place, id: string): string | undefined {
  const page = PAGES[id.split('-')[0] ?? ''];
  const console = CONSOLES[partition];
  return page && console && `https://${region}.${console}/${page.replace('REGION', region)}${encodeURIComponent(id)}`;
}

/** Logs Insights with a query for what the reconcilers said of an id, the newest first. Without a range: the last hour. */
export function logLines(
  { partition, region, stack }: Place,
  id: string,
  range?: TimeRange,
  functions: readonly string[] = ['subnets', 'routers'],
): string | undefined {
  const console = CONSOLES[partition];
  if (!console) return undefined;
  const query = `fields @timestamp, level, message\n| filter @message like "${id}"\n| sort @timestamp desc\n| limit 200`;
  const groups = functions.map((name) => `~${text(`/aws/lambda/${stack}-${name}`)}`).join('');
  const time = range
    ? `end~${text(iso(range.end))}~start~${text(iso(range.start))}~timeType~'ABSOLUTE~tz~'UTC`
    : `end~0~start~-3600~timeType~'RELATIVE~tz~'UTC~unit~'seconds`;
  const detail = `~(${time}~editorString~${text(query)}~source~(${groups}))`;
  return `https://${region}.${console}/cloudwatch/home?region=${region}#logsV2:logs-insights$3FqueryDetail$3D${detail}`;
}

const iso = (ms: number) => new Date(ms).toISOString();

/** A string as the console writes it into its address: `'` in front, what is not plain as `*` and its code in hex. */
function text(value: string): string {
  const escaped = [...new TextEncoder().encode(value)].map((byte) => {
    const character = String.fromCharCode(byte);
    return /[\w.-]/.test(character) ? character : `*${byte.toString(16).padStart(2, '0')}`;
  });
  return `'${escaped.join('')}`;
}
