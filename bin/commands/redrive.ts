import { InvokeCommand } from '@aws-sdk/client-lambda';
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  ListQueuesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { z } from 'zod';
import { parseHint } from '../../shared/events.ts';
import { chunks } from '../../shared/routers/steps.ts';
import { type Command, EXIT, yes } from '../command.ts';
import { functionsOf } from '../deployed.ts';
import { explain } from '../person.ts';
import { table } from '../table.ts';

/** Seconds for which what was read stays hidden from others, should it not be given back: to look at it and say yes. */
const HIDDEN = 120;
/** SQS takes and gives so many in one call. */
const BATCH = 10;

/** A message that is hidden from others until it is taken out or given back. */
interface Held {
  queueUrl: string;
  message: Message;
}

/** An event that was given up. */
interface Failed {
  /** Name of the function that it is for, one of the stack's. */
  to: string;
  event: unknown;
  /** Why it was given up. */
  why: string;
}

/** A message that stays where it is, for it is no event of this stack's functions. */
interface Unsent {
  why: string;
}

export const redrive: Command = {
  args: [],
  summary: 'send again the events that were given up (FailedEvents, UndeliveredEvents)',
  options: yes,
  async run({ options, stack, terminal }) {
    const { sqs, lambda } = stack.clients;
    const own = functionsOf(stack).map((suffix) => `${stack.name}-${suffix}`);
    const held: Held[] = [];
    try {
      await hold(sqs, stack.name, held);
      if (held.length === 0) {
        terminal.out('No event was given up.');
        return EXIT.ok;
      }
      const read = held.map((each) => ({ each, is: readMessage(each.message, own) }));
      const failed = read.flatMap(({ each, is }) => ('to' in is ? { each, ...is } : []));
      const unsent = read.flatMap(({ each, is }) => ('to' in is ? [] : [[idOf(each), is.why]]));
      if (failed.length > 0) terminal.out(...table(failed.map(({ to, event, why }) => [to, whatHappened(event), why])));
      if (unsent.length > 0) terminal.err('Left where they are:', ...table(unsent));
      if (failed.length === 0) return EXIT.todo;
      if (!options.yes && !(await terminal.confirm(`Send ${failed.length} again?`))) {
        terminal.err('Nothing was sent. Without a terminal to ask at, give --yes.');
        return EXIT.todo;
      }
      for (const { each, to, event } of failed) {
        // An event may come twice; lost it must not be. So it is taken out only when it has been sent.
        await lambda.send(
          new InvokeCommand({ FunctionName: to, InvocationType: 'Event', Payload: JSON.stringify(event) }),
        );
        await takeOut(sqs, held, each);
      }
      terminal.out(`${failed.length} sent again.`);
      return unsent.length > 0 ? EXIT.todo : EXIT.ok;
    } finally {
      await giveBack(sqs, held).catch((error) => {
        terminal.err(
          `What was read stays hidden for up to ${HIDDEN} s, for it could not be given back. ${explain(error)}`,
        );
      });
    }
  },
};

/** Adds to `held` what it finds, so that what came before a call that fails can be given back. */
async function hold(sqs: SQSClient, stack: string, held: Held[]): Promise<void> {
  for (const name of ['FailedEvents', 'UndeliveredEvents']) {
    // CloudFormation names a queue by its stack and its name in the template.
    const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: `${stack}-${name}-` }));
    for (const queueUrl of QueueUrls) {
      for (;;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: queueUrl,
            MaxNumberOfMessages: BATCH,
            VisibilityTimeout: HIDDEN,
            // Without a wait, SQS asks only some of its servers, and may find none of a few.
            WaitTimeSeconds: 1,
            MessageAttributeNames: ['All'],
          }),
        );
        if (Messages.length === 0) break;
        held.push(...Messages.map((message) => ({ queueUrl, message })));
      }
    }
  }
}

async function takeOut(sqs: SQSClient, held: Held[], one: Held): Promise<void> {
  const { queueUrl, message } = one;
  await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle }));
  held.splice(held.indexOf(one), 1);
}

const idOf = ({ queueUrl, message }: Held) => `message ${message.MessageId} of ${queueUrl.split('/').at(-1)}`;

/** Whoever comes next sees them at once. One that is not hidden any more is no failure of the call. */
async function giveBack(sqs: SQSClient, held: readonly Held[]): Promise<void> {
  for (const [QueueUrl, ofQueue = []] of Map.groupBy(held, ({ queueUrl }) => queueUrl)) {
    for (const some of chunks(ofQueue, BATCH)) {
      const Entries = some.map(({ message: { ReceiptHandle } }, index) => {
        return { Id: String(index), ReceiptHandle, VisibilityTimeout: 0 };
      });
      await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
    }
  }
}

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
const record = z.object({
  requestContext: z.object({ functionArn: z.string(), condition: z.string() }),
  requestPayload: z.unknown(),
  responsePayload: z.object({ errorMessage: z.string() }).optional(),
});

/** Who may write into the queues may name any function: only the stack's own are sent anything. */
function readMessage({ Body = '', MessageAttributes = {} }: Message, own: readonly string[]): Failed | Unsent {
  const attribute = (name: string) => MessageAttributes[name]?.StringValue;
  let body: unknown;
  try {
    body = JSON.parse(Body);
  } catch (error) {
    return { why: `it cannot be read: ${error instanceof Error ? error.message : error}` };
  }
  const target = attribute('TARGET_ARN');
  // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html: the event itself, and the reason beside it.
  if (target)
    return addressed(target, own, { event: body, why: `${attribute('ERROR_CODE')}: ${attribute('ERROR_MESSAGE')}` });
  const { data, error } = record.safeParse(body);
  if (!data) return { why: `it cannot be read: ${z.prettifyError(error).replaceAll('\n', ' ')}` };
  const why = data.responsePayload?.errorMessage ?? data.requestContext.condition;
  return addressed(data.requestContext.functionArn, own, { event: data.requestPayload, why });
}

function addressed(arn: string, own: readonly string[], failed: Omit<Failed, 'to'>): Failed | Unsent {
  // A version or an alias may follow the name: https://docs.aws.amazon.com/lambda/latest/dg/versioning-aliases.html
  const [, name] = /^arn:[^:]+:lambda:[^:]+:\d{12}:function:([^:]+)(?::[^:]+)?$/.exec(arn) ?? [];
  if (name === undefined || !own.includes(name))
    return { why: `it is for ${arn}, and only ${own.join(' and ')} ${own.length > 1 ? 'are' : 'is'} sent anything` };
  return { to: name, ...failed };
}

function whatHappened(event: unknown): string {
  const hint = parseHint(event);
  return hint ? `${new Date(hint.at).toISOString().slice(0, 19)} ${hint.cause}` : 'an unknown event';
}
