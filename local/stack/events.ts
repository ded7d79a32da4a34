import { z } from 'zod';
import type { Bus, Rule } from '../events/bus.ts';
import { document, integer, type ResourceType, refuseChange, resourceType, text } from './resource-type.ts';

const target = z.strictObject({
  Id: text,
  Arn: text,
  DeadLetterConfig: z.strictObject({ Arn: text }).optional(),
  RetryPolicy: z
    .strictObject({
      MaximumEventAgeInSeconds: integer.pipe(z.int().min(60).max(86_400)).default(86_400),
      MaximumRetryAttempts: integer.pipe(z.int().min(0).max(185)).default(185),
    })
    .default({ MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 }),
});

const rule = z.strictObject({
  Name: text.optional(),
  Description: text.optional(),
  State: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
  EventPattern: document.optional(),
  ScheduleExpression: text.optional(),
  Targets: z.array(target).max(5).default([]),
});

export function ruleTypes(bus: Bus, place: { region: string; account: string }): Record<string, ResourceType> {
  return {
    'AWS::Events::Rule': resourceType(rule, ['Arn'], async (properties, { physicalName }) => {
      const name = properties.Name ?? physicalName(64);
      const arn = `arn:aws:events:${place.region}:${place.account}:rule/${name}`;
      bus.putRule(ruleOf(name, arn, properties));
      return {
        ref: name,
        attributes: { Arn: arn },
        update: async (changed) => {
          refuseChange({ Name: properties.Name }, { Name: changed.Name }, []);
          bus.putRule(ruleOf(name, arn, changed));
        },
        remove: async () => bus.deleteRule(name),
      };
    }),
  };
}

function ruleOf(name: string, arn: string, properties: z.infer<typeof rule>): Rule {
  return {
    name,
    arn,
    enabled: properties.State === 'ENABLED',
    pattern: properties.EventPattern,
    ...(properties.ScheduleExpression && { schedule: properties.ScheduleExpression }),
    targets: properties.Targets.map(({ Id, Arn, DeadLetterConfig, RetryPolicy }) => ({
      id: Id,
      arn: Arn,
      maximumAge: RetryPolicy.MaximumEventAgeInSeconds,
      maximumRetries: RetryPolicy.MaximumRetryAttempts,
      ...(DeadLetterConfig && { deadLetterArn: DeadLetterConfig.Arn }),
    })),
  };
}
