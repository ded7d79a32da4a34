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
import { explain } from '../../shared/aws/advice.ts';
import { parseHint } from '../../shared/events.ts';
import { type Command, EXIT, yes } from '../command.ts';
import { table } from '../table.ts';

/** Seconds for which what was read stays hidden from others, should it not be given back: to look at it and say yes. */
const HIDDEN = 120;
/** What SQS takes and gives in one call. */
const BATCH = 10;

/** A message that is hidden from others until it is taken out or given back. */
interface Held {
  queueUrl: string;
  message: Message;
}

/** An event that was given up. */
interface Failed {
  functionArn: string;
  event: unknown;
  /** Why it was given up. */
  why: string;
}

export const redrive: Command = {
  args: [],
  summary: 'send again the events that were given up (FailedEvents, UndeliveredEvents)',
  options: yes,
  async run({ options, stack, terminal }) {
    const { sqs, lambda } = stack.clients;
    const held: Held[] = [];
    try {
      await hold(sqs, stack.name, held);
      if (held.length === 0) {
        terminal.out('No event was given up.');
        return EXIT.ok;
      }
      const failed = held.map(({ message }) => readMessage(message));
      terminal.out(
        table(
          failed.map(({ functionArn, event, why }) => [functionArn.split(':').at(-1) ?? '', whatHappened(event), why]),
        ),
      );
      if (!options.yes && !(await terminal.confirm(`Send ${failed.length} again?`))) {
        terminal.err('Nothing was sent. Without a terminal to ask at, give --yes.');
        return EXIT.todo;
      }
      for (const { functionArn, event } of failed) {
        // An event may come twice; lost it must not be. So it is taken out only when it has been sent.
        await lambda.send(
          new InvokeCommand({ FunctionName: functionArn, InvocationType: 'Event', Payload: JSON.stringify(event) }),
        );
        await takeOut(sqs, held);
      }
      terminal.out(`${failed.length} sent again.`);
      return EXIT.ok;
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

/** Of the first: events are sent in the order in which they are held. */
async function takeOut(sqs: SQSClient, held: Held[]): Promise<void> {
  const [first] = held;
  if (!first) return;
  const { queueUrl, message } = first;
  await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle }));
  held.shift();
}

/** Whoever comes next sees them at once. One that is not hidden any more is no failure of the call. */
async function giveBack(sqs: SQSClient, held: readonly Held[]): Promise<void> {
  for (const [QueueUrl, ofQueue = []] of Map.groupBy(held, ({ queueUrl }) => queueUrl)) {
    for (let from = 0; from < ofQueue.length; from += BATCH) {
      const Entries = ofQueue.slice(from, from + BATCH).map(({ message: { ReceiptHandle } }, index) => {
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

function readMessage({ Body = '', MessageAttributes = {} }: Message): Failed {
  const body: unknown = JSON.parse(Body);
  const attribute = (name: string) => MessageAttributes[name]?.StringValue;
  const target = attribute('TARGET_ARN');
  // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html: the event itself, and the reason beside it.
  if (target)
    return { functionArn: target, event: body, why: `${attribute('ERROR_CODE')}: ${attribute('ERROR_MESSAGE')}` };
  const { requestContext, requestPayload, responsePayload } = record.parse(body);
  const why = responsePayload?.errorMessage ?? requestContext.condition;
  return { functionArn: requestContext.functionArn, event: requestPayload, why };
}

function whatHappened(event: unknown): string {
  const hint = parseHint(event);
  return hint ? `${new Date(hint.at).toISOString().slice(0, 19)} ${hint.cause}` : 'an unknown event';
}
