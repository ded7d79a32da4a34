import * as sdk from '@aws-sdk/client-cloudwatch-logs';
import type { Clock } from '../clock.ts';
import type { Operations } from '../wire/api.ts';
import { AwsError } from '../wire/errors.ts';
import type { OperationService } from '../wire/wire.ts';
import { paginate } from './paginate.ts';

export interface LogsOptions {
  region: string;
  account: string;
  clock: Pick<Clock, 'now'>;
  /** IAM allows a role this, or not. */
  allows(roleArn: string, action: string, resource: string): Promise<boolean>;
  onLog(source: string, line: string): void;
}

export type Logs = ReturnType<typeof createLogs>;

/** A log group keeps so many lines, the newest. */
const KEPT = 10_000;

/** A line as it arrived. */
interface LogEvent {
  id: string;
  at: number;
  message: string;
}

/** CloudWatch Logs keeps what functions write there, and a person reads it. Each line is handed to the box's owner too. */
export function createLogs({ region, account, clock, allows, onLog }: LogsOptions) {
  const groups = new Map<string, LogEvent[]>();
  let written = 0;
  const told = new Set<string>();
  let last = Promise.resolve();

  /** Why a function's lines do not arrive; undefined if they do. Lambda itself writes them, with the function's role. */
  async function obstacle(group: string, roleArn: string): Promise<string | undefined> {
    if (!groups.has(group)) return `there is no log group ${group}`;
    const arn = `arn:aws:logs:${region}:${account}:log-group:${group}:log-stream:latest`;
    for (const action of ['logs:CreateLogStream', 'logs:PutLogEvents'])
      if (!(await allows(roleArn, action, arn))) return `its role does not allow ${action} on ${arn}`;
    return undefined;
  }

  return {
    createGroup(name: string): void {
      if (groups.has(name)) throw new Error(`ResourceAlreadyExistsException: The log group ${name} already exists`);
      groups.set(name, []);
    },
    removeGroup: (name: string) => void groups.delete(name),

    /** Writes a line of a function, after those it has written before. */
    write(functionName: string, line: string, roleArn: string): void {
      const group = `/aws/lambda/${functionName}`;
      const at = clock.now();
      last = last.then(async () => {
        const why = await obstacle(group, roleArn).catch(String);
        const kept = groups.get(group);
        if (why === undefined) {
          written += 1;
          if (kept && kept.push({ id: String(written).padStart(56, '0'), at, message: line }) > KEPT) kept.shift();
          onLog(functionName, line);
        }
        if (why !== undefined && !told.has(functionName)) onLog('logs', `what ${functionName} says is lost: ${why}`);
        if (why !== undefined) told.add(functionName);
      });
    },

    service: serviceOf(groups),

    /** Resolves when what was written has arrived. */
    close: (): Promise<void> => last,
  };
}

/** CloudWatch Logs is asked for lines by these. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html */
function serviceOf(groups: ReadonlyMap<string, readonly LogEvent[]>): OperationService {
  const operations: Operations<typeof sdk> = {
    DescribeLogGroups({ logGroupNamePrefix = '', limit, nextToken }) {
      const found = [...groups.keys()].filter((name) => name.startsWith(logGroupNamePrefix)).sort();
      const { page, NextToken } = paginate(
        found,
        { MaxResults: limit ?? 50, NextToken: nextToken },
        { least: 1, greatest: 50 },
      );
      return { logGroups: page.map((logGroupName) => ({ logGroupName })), ...(NextToken && { nextToken: NextToken }) };
    },

    FilterLogEvents({ logGroupName, startTime, endTime, filterPattern = '', limit, nextToken }) {
      const kept = groups.get(logGroupName ?? '');
      if (!kept) throw new AwsError('ResourceNotFoundException', 'The specified log group does not exist.');
      const phrase = phraseOf(filterPattern);
      const found = kept
        .filter(({ at }) => (startTime === undefined || at >= startTime) && (endTime === undefined || at <= endTime))
        .filter(({ message }) => message.includes(phrase));
      const { page, NextToken } = paginate(
        found,
        { MaxResults: limit, NextToken: nextToken },
        { least: 1, greatest: 10_000 },
      );
      const events = page.map(({ id, at, message }) => ({
        ...{ eventId: id, timestamp: at, ingestionTime: at, message, logStreamName: 'latest' },
      }));
      return { events, searchedLogStreams: [], ...(NextToken && { nextToken: NextToken }) };
    },
  };
  return { kind: 'operations', protocol: 'awsJson1_1', sdk, operations };
}

/** Nothing, or one phrase in quotes: the other patterns of CloudWatch are not here. */
function phraseOf(pattern: string): string {
  if (pattern === '') return '';
  const [, phrase] = /^"([^"]+)"$/.exec(pattern) ?? [];
  if (phrase === undefined) throw new AwsError('InvalidParameterException', `Invalid filter pattern: ${pattern}`);
  return phrase;
}
