import { z } from 'zod';
import type { Logs } from '../services/logs.ts';
import { integer, type ResourceType, refuseChange, resourceType, tags, text } from './resource-type.ts';

export function logGroupTypes(logs: Logs, place: { region: string; account: string }): Record<string, ResourceType> {
  return {
    'AWS::Logs::LogGroup': resourceType(
      z.strictObject({ LogGroupName: text.optional(), RetentionInDays: integer.optional(), Tags: tags }),
      ['Arn'],
      async ({ LogGroupName }, { physicalName }) => {
        const name = LogGroupName ?? physicalName();
        const arn = `arn:aws:logs:${place.region}:${place.account}:log-group:${name}:*`;
        logs.createGroup(name);
        return {
          ref: name,
          attributes: { Arn: arn },
          update: async (changed) => refuseChange({ LogGroupName }, { LogGroupName: changed.LogGroupName }, []),
          remove: async () => logs.removeGroup(name),
        };
      },
    ),
  };
}
