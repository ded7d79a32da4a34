import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import type { Ssm } from './documents.ts';

/** Parameter Store, as far as names and values go. https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html */
export function parameters(cloud: CloudContext) {
  const missing = (name: string | undefined) => new AwsError('ParameterNotFound', `Parameter ${name} not found.`);
  return {
    PutParameter({ Name = '', Value = '', Type = 'String', Overwrite = false }) {
      if (cloud.parameters.has(Name) && !Overwrite)
        throw new AwsError(
          'ParameterAlreadyExists',
          `The parameter already exists. To overwrite this value, set the overwrite option in the request to true: ${Name} already exists`,
        );
      const version = (cloud.parameters.get(Name)?.version ?? 0) + 1;
      cloud.parameters.set(Name, { name: Name, value: Value, type: Type, version });
      return { Version: version, Tier: 'Standard' as const };
    },

    GetParameter({ Name = '' }) {
      const found = cloud.parameters.get(Name);
      if (!found) throw missing(Name);
      const { value: Value, type: Type, version: Version } = found;
      const ARN = `arn:aws:ssm:${cloud.region}:${cloud.account}:parameter${Name.startsWith('/') ? '' : '/'}${Name}`;
      return { Parameter: { Name, Value, Type, Version, ARN, DataType: 'text' } };
    },

    DeleteParameter({ Name = '' }) {
      if (!cloud.parameters.delete(Name)) throw missing(Name);
      return {};
    },
  } satisfies Ssm;
}
