import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { paginate } from '../paginate.ts';
import type { Ssm } from './documents.ts';
import type { Parameter } from './records.ts';

/** Parameter Store has names and values. https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html */
export function parameters(cloud: CloudContext) {
  const { region, account } = cloud;
  /** Each account has names of its own. */
  const arnOf = (name: string) => `arn:aws:ssm:${region}:${account}:parameter${name.startsWith('/') ? '' : '/'}${name}`;
  const shape = ({ name: Name, value: Value, type: Type, version: Version }: Parameter) => ({
    ...{ Name, Value, Type, Version, ARN: arnOf(Name), DataType: 'text' },
  });
  const missing = (name: string | undefined) => new AwsError('ParameterNotFound', `Parameter ${name} not found.`);
  return {
    PutParameter({ Name = '', Value = '', Type = 'String', Overwrite = false }) {
      if (cloud.parameters.has(arnOf(Name)) && !Overwrite)
        throw new AwsError(
          'ParameterAlreadyExists',
          `The parameter already exists. To overwrite this value, set the overwrite option in the request to true: ${Name} already exists`,
        );
      const version = (cloud.parameters.get(arnOf(Name))?.version ?? 0) + 1;
      cloud.parameters.set(arnOf(Name), { name: Name, value: Value, type: Type, version });
      return { Version: version, Tier: 'Standard' as const };
    },

    GetParameter({ Name = '' }) {
      const found = cloud.parameters.get(arnOf(Name));
      if (!found) throw missing(Name);
      return { Parameter: shape(found) };
    },

    GetParametersByPath({ Path = '', Recursive = false, MaxResults, NextToken }) {
      if (!Path.startsWith('/'))
        throw new AwsError(
          'ValidationException',
          'The parameter path must begin with a forward slash and a parameter name must not be in it.',
        );
      const beneath = `${arnOf(Path).replace(/\/$/, '')}/`;
      const found = [...cloud.parameters]
        .filter(([arn]) => arn.startsWith(beneath) && (Recursive || !arn.slice(beneath.length).includes('/')))
        .map(([, parameter]) => parameter);
      const { page, ...next } = paginate(found, { MaxResults, NextToken }, { least: 1, greatest: 10 });
      return { Parameters: page.map(shape), ...next };
    },

    DeleteParameter({ Name = '' }) {
      if (!cloud.parameters.delete(arnOf(Name))) throw missing(Name);
      return {};
    },
  } satisfies Ssm;
}
