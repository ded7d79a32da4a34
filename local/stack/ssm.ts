import type { SSM } from '@aws-sdk/client-ssm';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { document, type ResourceType, refuseChange, resourceType, text, until } from './resource-type.ts';

export function documentTypes(ssm: SSM, clock: Clock): Record<string, ResourceType> {
  return {
    'AWS::SSM::Parameter': resourceType(
      z.strictObject({ Name: text, Type: z.literal('String'), Value: text, Description: text.optional() }),
      [],
      async (properties) => {
        const { Name } = properties;
        await ssm.putParameter(properties);
        return {
          ref: Name,
          async update(changed) {
            refuseChange(properties, changed, ['Value', 'Description']);
            await ssm.putParameter({ ...changed, Overwrite: true });
          },
          remove: () => ssm.deleteParameter({ Name }),
        };
      },
    ),
    'AWS::SSM::Document': resourceType(
      z.strictObject({
        Name: text.optional(),
        Content: z.union([document.transform((content) => JSON.stringify(content)), z.string()]),
        DocumentType: z.literal('Command'),
        DocumentFormat: z.enum(['JSON', 'YAML']).optional(),
        TargetType: text.optional(),
        UpdateMethod: z.enum(['Replace', 'NewVersion']).optional(),
      }),
      [],
      async (properties, { physicalName }) => {
        const { UpdateMethod: _, ...content } = properties;
        const Name = content.Name ?? physicalName();
        // CloudFormation hands over an object as JSON, whatever the format is said to be: JSON is YAML too.
        await ssm.createDocument({ ...content, Name });
        return {
          ref: Name,
          stable: until(clock, `${Name} in status Active`, async () => {
            const { Document } = await ssm.describeDocument({ Name });
            return Document?.Status === 'Active';
          }),
          async update(changed) {
            refuseChange(properties, changed, ['Content', 'DocumentFormat', 'UpdateMethod']);
            // `Replace` would put another document in its place.
            if (changed.UpdateMethod !== 'NewVersion') refuseChange(properties, changed, []);
            const { Content, DocumentFormat } = changed;
            // The new version becomes the default one by CloudFormation's guide, and does not by what people see: here it stays what it was.
            // https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2539
            await ssm
              .updateDocument({ Name, Content, DocumentFormat, DocumentVersion: '$LATEST' })
              .catch((error: Error) => {
                // Other tags alone make no version.
                if (error.name !== 'DuplicateDocumentContent') throw error;
              });
          },
          remove: () => ssm.deleteDocument({ Name }),
        };
      },
    ),
  };
}
