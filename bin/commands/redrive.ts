import { InvokeCommand } from '@aws-sdk/client-lambda';
import {
  DeleteMessageCommand,
  ListQueuesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { z } from 'zod';
import { parseHint } from '../../shared/events.ts';
import { type Command, EXIT, yes } from '../command.ts';
import { table } from '../table.ts';

/** Seconds for which what was read stays hidden from others: to look at it and say yes. */
const HIDDEN = 120;

/** An event that was given up. */
interface Failed {
  queueUrl: string;
  receipt: string;
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
    const failed = await readFailed(sqs, stack.name);
    if (failed.length === 0) {
      terminal.out('No event was given up.');
      return EXIT.ok;
    }
    terminal.out(
      table(
        failed.map(({ functionArn, event, why }) => [functionArn.split(':').at(-1) ?? '', whatHappened(event), why]),
      ),
    );
    if (!options.yes && !(await terminal.confirm(`Send ${failed.length} again?`))) {
      terminal.err('Nothing was sent. Without a terminal to ask at, give --yes.');
      return EXIT.todo;
    }
    for (const { queueUrl, receipt, functionArn, event } of failed) {
      // An event may come twice; lost it must not be. So it is taken out only when it has been sent.
      await lambda.send(
        new InvokeCommand({ FunctionName: functionArn, InvocationType: 'Event', Payload: JSON.stringify(event) }),
      );
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: receipt }));
    }
    terminal.out(`${failed.length} sent again.`);
    return EXIT.ok;
  },
};

/** CloudFormation names a queue by its stack and its name in the template. */
async function readFailed(sqs: SQSClient, stack: string): Promise<Failed[]> {
  const failed: Failed[] = [];
  for (const name of ['FailedEvents', 'UndeliveredEvents']) {
    const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: `${stack}-${name}-` }));
    for (const QueueUrl of QueueUrls) {
      for (;;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl,
            MaxNumberOfMessages: 10,
            VisibilityTimeout: HIDDEN,
            // Without a wait, SQS asks only some of its servers, and may find none of a few.
            WaitTimeSeconds: 1,
            MessageAttributeNames: ['All'],
          }),
        );
        if (Messages.length === 0) break;
        failed.push(...Messages.map((message) => readMessage(QueueUrl, message)));
      }
    }
  }
  return failed;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
const record = z.object({
  requestContext: z.object({ functionArn: z.string(), condition: z.string() }),
  requestPayload: z.unknown(),
  responsePayload: z.object({ errorMessage: z.string() }).optional(),
});

function readMessage(
  queueUrl: string,
  { Body = '', ReceiptHandle: receipt = '', MessageAttributes = {} }: Message,
): Failed {
  const body: unknown = JSON.parse(Body);
  const attribute = (name: string) => MessageAttributes[name]?.StringValue;
  const target = attribute('TARGET_ARN');
  // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html: the event itself, and the reason beside it.
  if (target) {
    const why = `${attribute('ERROR_CODE')}: ${attribute('ERROR_MESSAGE')}`;
    return { queueUrl, receipt, functionArn: target, event: body, why };
  }
  const { requestContext, requestPayload, responsePayload } = record.parse(body);
  const why = responsePayload?.errorMessage ?? requestContext.condition;
  return { queueUrl, receipt, functionArn: requestContext.functionArn, event: requestPayload, why };
}

function whatHappened(event: unknown): string {
  const hint = parseHint(event);
  return hint ? `${new Date(hint.at).toISOString().slice(0, 19)} ${hint.cause}` : 'an unknown event';
}
