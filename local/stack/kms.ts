import { z } from 'zod';
import type { Kms } from '../services/kms.ts';
import { document, integer, type ResourceType, refuseChange, resourceType, tags, text } from './resource-type.ts';

export function keyTypes(kms: Kms): Record<string, ResourceType> {
  return {
    'AWS::KMS::Key': resourceType(
      z.strictObject({
        Description: text.optional(),
        KeySpec: z.literal('HMAC_256'),
        KeyUsage: z.literal('GENERATE_VERIFY_MAC'),
        PendingWindowInDays: integer.optional(),
        KeyPolicy: document,
        Tags: tags,
      }),
      ['Arn', 'KeyId'],
      async (properties, { physicalName }) => {
        const Arn = kms.create(physicalName(), properties.KeyPolicy);
        const KeyId = Arn.split('/').at(-1) ?? '';
        return {
          ref: KeyId,
          attributes: { Arn, KeyId },
          update: async (changed) => {
            refuseChange(properties, changed, ['Description', 'KeyPolicy', 'PendingWindowInDays', 'Tags']);
            kms.setPolicy(Arn, changed.KeyPolicy);
          },
          remove: async () => kms.remove(Arn),
        };
      },
    ),
  };
}
