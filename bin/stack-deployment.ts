import {
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  GetTemplateSummaryCommand,
} from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { METADATA } from '../resources/forgotten.js';
import { defaults, spokeDefaults } from './defaults.ts';
import type { Place } from './deployed.ts';
import type { Config, Versioned } from './json.ts';

/** CloudFormation knows this of a stack. */
export type Deployment = Omit<Config, keyof Versioned>;

/** `serverless deploy` leaves this in the template: the version, and the parameters that were given. */
const metadata = z.object({
  [METADATA]: z.object({ version: z.string(), parameters: z.record(z.string(), z.coerce.string()) }).optional(),
});

const isMissing = (error: unknown) => /does not exist/.test(error instanceof Error ? error.message : '');

/** Undefined if there is no stack of CloudFormation that has made these functions, or is to make them. Rejects with AWS's error. */
export async function deploymentOf({ name: stack, clients }: Place): Promise<Deployment | undefined> {
  const { cloudFormation } = clients;
  const name = (await stackOf(`${stack}-subnets`, cloudFormation)) ?? stack;
  try {
    const [{ Stacks }, { Metadata = '{}', Parameters: declared = [] }] = await Promise.all([
      cloudFormation.send(new DescribeStacksCommand({ StackName: name })),
      cloudFormation.send(new GetTemplateSummaryCommand({ StackName: name })),
    ]);
    const {
      StackStatus: status = '',
      Outputs = [],
      Parameters = [],
      CreationTime,
      LastUpdatedTime,
    } = Stacks?.[0] ?? {};
    const own = metadata.safeParse(JSON.parse(Metadata)).data?.[METADATA];
    const version = Outputs.find(({ OutputKey }) => OutputKey === 'Version')?.OutputValue ?? own?.version;
    const at = (LastUpdatedTime ?? CreationTime)?.getTime() ?? 0;
    if (own) {
      // Of a spoke its hub must be given, and of no other stack can be.
      const known = texts('hubService' in own.parameters ? spokeDefaults : defaults);
      return { name, status, version, at, parameters: { ...known, ...own.parameters }, defaults: known };
    }
    const pairs = Parameters.map(({ ParameterKey = '', ParameterValue = '' }) => [ParameterKey, ParameterValue]);
    const known = declared.flatMap(({ ParameterKey = '', DefaultValue }) =>
      DefaultValue === undefined ? [] : [[ParameterKey, DefaultValue]],
    );
    return {
      ...{ name, status, version, at },
      parameters: Object.fromEntries(pairs),
      defaults: Object.fromEntries(known),
    };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** By the one thing whose name is known: whoever deploys a template names its stack as he likes. */
async function stackOf(PhysicalResourceId: string, client: Place['clients']['cloudFormation']) {
  try {
    const { StackResources } = await client.send(new DescribeStackResourcesCommand({ PhysicalResourceId }));
    return StackResources?.[0]?.StackName;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

const texts = (values: object) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, `${value}`]));
