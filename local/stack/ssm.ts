import type { SSM } from '@aws-sdk/client-ssm';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { document, type ResourceType, refuseChange, resourceType, text, until } from './resource-type.ts';

export function documentTypes(ssm: SSM, clock: Clock): Record<string, ResourceType> {
  const parameters = new Set<string>();
  return {
    /** Nothing in the box reads parameters: what is left of them is that a name is there once. */
    'AWS::SSM::Parameter': resourceType(
      z.strictObject({ Name: text, Type: z.literal('String'), Value: text, Description: text.optional() }),
      [],
      async (properties) => {
        const { Name } = properties;
        // https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html, without Overwrite
        if (parameters.has(Name)) throw new Error(`ParameterAlreadyExists: ${Name} already exists`);
        parameters.add(Name);
        return {
          ref: Name,
          update: async (changed) => refuseChange(properties, changed, ['Value', 'Description']),
          remove: async () => parameters.delete(Name),
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
            const update = { Name, Content, DocumentFormat, DocumentVersion: '$LATEST' };
            const { DocumentDescription } = await ssm.updateDocument(update);
            const { DocumentVersion } = DocumentDescription ?? {};
            await ssm.updateDocumentDefaultVersion({ Name, DocumentVersion });
          },
          remove: () => ssm.deleteDocument({ Name }),
        };
      },
    ),
  };
}
