import { z } from 'zod';
import type { Queues } from '../events/queues.ts';
import { document, flag, integer, type ResourceType, refuseChange, resourceType, tags, text } from './resource-type.ts';

export function queueTypes(queues: Queues, place: { region: string; account: string }): Record<string, ResourceType> {
  return {
    'AWS::SQS::Queue': resourceType(
      z.strictObject({
        QueueName: text.optional(),
        MessageRetentionPeriod: integer.optional(),
        VisibilityTimeout: integer.optional(),
        SqsManagedSseEnabled: flag.optional(),
        KmsMasterKeyId: text.optional(),
        Tags: tags,
      }),
      ['Arn', 'QueueName', 'QueueUrl'],
      async ({ QueueName }, { physicalName }) => {
        const name = QueueName ?? physicalName(80);
        const arn = `arn:aws:sqs:${place.region}:${place.account}:${name}`;
        const url = `https://sqs.${place.region}.amazonaws.com/${place.account}/${name}`;
        queues.create(arn);
        return {
          ref: url,
          attributes: { Arn: arn, QueueName: name, QueueUrl: url },
          update: async (changed) => refuseChange({ QueueName }, { QueueName: changed.QueueName }, []),
          remove: async () => queues.remove(arn),
        };
      },
    ),

    'AWS::SQS::QueuePolicy': resourceType(
      z.strictObject({ Queues: z.array(text), PolicyDocument: document }),
      [],
      async (_policy, { physicalName }) => ({ ref: physicalName(), update: async () => {}, remove: async () => {} }),
    ),
  };
}
