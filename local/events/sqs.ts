import { createHash } from 'node:crypto';
import * as sdk from '@aws-sdk/client-sqs';
import type { Clock } from '../clock.ts';
import { uuid } from '../ids.ts';
import type { Operations } from '../wire/api.ts';
import { AwsError } from '../wire/errors.ts';
import type { OperationService } from '../wire/wire.ts';
import type { QueueMessage, Queues } from './queues.ts';

/** Seconds for which a message that was received is hidden from others. */
const VISIBILITY_TIMEOUT = 30;

/** SQS lets a person take out what was given up: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/ */
export function sqsService(queues: Queues, clock: Clock): OperationService {
  const hidden = new WeakMap<QueueMessage, number>();
  const receipts = new Map<string, { arn: string; message: QueueMessage }>();
  let received = 0;

  const nameOf = (arn: string) => arn.split(':').at(-1) ?? '';
  const urlOf = (arn: string) => {
    const [, , , region, account, name] = arn.split(':');
    return `https://sqs.${region}.amazonaws.com/${account}/${name}`;
  };
  function find(url: string): [string, readonly QueueMessage[]] {
    const found = Object.entries(queues.contents()).find(([arn]) => url.endsWith(`/${nameOf(arn)}`));
    if (!found) throw new AwsError('QueueDoesNotExist', 'The specified queue does not exist.');
    return found;
  }

  const operations: Operations<typeof sdk> = {
    ListQueues: ({ QueueNamePrefix = '' }) => ({
      QueueUrls: Object.keys(queues.contents())
        .filter((arn) => nameOf(arn).startsWith(QueueNamePrefix))
        .map(urlOf),
    }),

    ReceiveMessage({ QueueUrl, MaxNumberOfMessages = 1, VisibilityTimeout = VISIBILITY_TIMEOUT }) {
      const [arn, messages] = find(QueueUrl);
      const now = clock.now();
      const visible = messages.filter((message) => (hidden.get(message) ?? 0) <= now).slice(0, MaxNumberOfMessages);
      return {
        Messages: visible.map((message) => {
          received += 1;
          const receipt = uuid(`receipt ${received}`);
          hidden.set(message, now + VisibilityTimeout * 1000);
          receipts.set(receipt, { arn, message });
          return {
            MessageId: uuid(`message ${arn} ${message.body}`),
            ReceiptHandle: receipt,
            Body: message.body,
            MD5OfBody: createHash('md5').update(message.body).digest('hex'),
            MessageAttributes: Object.fromEntries(
              Object.entries(message.attributes).map(([name, StringValue]) => [
                name,
                { StringValue, DataType: 'String' },
              ]),
            ),
          };
        }),
      };
    },

    ChangeMessageVisibilityBatch({ QueueUrl, Entries }) {
      find(QueueUrl);
      const now = clock.now();
      const Successful: { Id: string }[] = [];
      const Failed: { Id: string; SenderFault: boolean; Code: string }[] = [];
      for (const { Id, ReceiptHandle, VisibilityTimeout = VISIBILITY_TIMEOUT } of Entries) {
        const message = receipts.get(ReceiptHandle)?.message;
        if (message && (hidden.get(message) ?? 0) > now) {
          hidden.set(message, now + VisibilityTimeout * 1000);
          Successful.push({ Id });
        } else Failed.push({ Id, SenderFault: true, Code: 'MessageNotInflight' });
      }
      return { Successful, Failed };
    },

    DeleteMessage({ QueueUrl, ReceiptHandle }) {
      find(QueueUrl);
      const receipt = receipts.get(ReceiptHandle);
      if (!receipt) throw new AwsError('ReceiptHandleIsInvalid', 'The input receipt handle is invalid.');
      queues.take(receipt.arn, receipt.message);
      return {};
    },
  };
  return { kind: 'operations', protocol: 'awsJson1_1', sdk, operations };
}
