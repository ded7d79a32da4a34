import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type ResourceType, resourceType } from './resource-type.ts';

/**
 * Resources that nothing in the box acts on: who is told of alarms, what people look at, what a network lets through. They are taken as they are,
 * and known by what `Ref` and `Fn::GetAtt` give.
 * @param dashboards names of those that there are: they have no region, and CloudFormation makes none that is there already
 */
export function recordedTypes(
  place: { region: string; account: string },
  dashboards: Set<string>,
): Record<string, ResourceType> {
  const arn = (service: string, rest: string) => `arn:aws:${service}:${place.region}:${place.account}:${rest}`;
  return {
    'AWS::SNS::Topic': recorded('TopicName', (name) => {
      const TopicArn = arn('sns', name);
      return { ref: TopicArn, attributes: { TopicArn, TopicName: name } };
    }),
    'AWS::SNS::Subscription': recorded(undefined, (name) => {
      const Arn = arn('sns', name);
      return { ref: Arn, attributes: { Arn } };
    }),
    'AWS::EC2::SecurityGroup': recorded('GroupName', (name) => {
      const GroupId = `sg-0${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
      return { ref: GroupId, attributes: { GroupId } };
    }),
    'AWS::IAM::InstanceProfile': recorded('InstanceProfileName', (name) => ({
      ref: name,
      attributes: { Arn: `arn:aws:iam::${place.account}:instance-profile/${name}` },
    })),
    'AWS::CloudWatch::Alarm': recorded('AlarmName', (name) => ({
      ref: name,
      attributes: { Arn: arn('cloudwatch', `alarm:${name}`) },
    })),
    'AWS::CloudWatch::Dashboard': recorded('DashboardName', (name) => ({ ref: name, attributes: {} }), dashboards),
    'AWS::Logs::QueryDefinition': recorded(undefined, (name) => ({
      ref: name,
      attributes: { QueryDefinitionId: name },
    })),
  };
}

/**
 * @param nameProperty the property that names it, if one does: it cannot be changed
 * @param names of those that there are, where it matters
 */
function recorded(
  nameProperty: string | undefined,
  known: (name: string) => { ref: string; attributes: Record<string, string> },
  names?: Set<string>,
): ResourceType {
  return resourceType(
    z.record(z.string(), z.unknown()),
    Object.keys(known('').attributes),
    async (properties, { physicalName }) => {
      const nameOf = (given: Record<string, unknown>) => (nameProperty === undefined ? undefined : given[nameProperty]);
      const name = nameOf(properties);
      const own = typeof name === 'string' ? name : physicalName();
      if (names?.has(own)) throw new Error(`AlreadyExists: ${own} already exists`);
      names?.add(own);
      return {
        ...known(own),
        async update(changed) {
          if (nameOf(changed) !== name) throw new Error(`the local cloud cannot change its ${nameProperty}`);
        },
        remove: async () => void names?.delete(own),
      };
    },
  );
}
