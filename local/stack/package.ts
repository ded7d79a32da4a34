import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Tag } from '@aws-sdk/client-cloudformation';
import type { S3 } from '@aws-sdk/client-s3';
import { z } from 'zod';
import type { Stack } from './deploy.ts';
import { parseTemplate, type Template } from './template.ts';

/** The product's stack is packaged for this. */
export interface NetworkParameters {
  region: string;
  vpcId: string;
  /** Separated by commas. */
  subnetIds: string;
}

export type Deploy = (
  name: string,
  template: Template,
  parameters: Record<string, string>,
  before: Stack | undefined,
  how: { tags: readonly Tag[] },
) => Promise<Stack>;

export interface PackageDeployment {
  /** `serverless package` has put it there. */
  folder: string;
  /** It must be packaged for these, if that matters. */
  network?: NetworkParameters;
  /** Path of the diverter's package. */
  diverter: string;
  deploy: Deploy;
  s3: S3;
  /** The stacks that are deployed already, by name. */
  stacks: ReadonlyMap<string, Stack>;
}

/**
 * Does what `serverless deploy` does with a packaged stack: makes the bucket if there is none, uploads into it, makes or
 * changes the rest.
 * @throws Error if the package is not there, or is for another network or another build of the diverter
 */
export async function deployPackage(deployment: PackageDeployment): Promise<Stack> {
  const { folder, network, diverter, deploy, s3, stacks } = deployment;
  const { name, create, update, prefix, artefacts, tags } = readPackage(folder);
  const program = readFileSync(diverter);
  const sha256 = createHash('sha256').update(program).digest('hex');
  const diverterKey = `${prefix}/diverter/${sha256}`;
  if (network) refuseOtherNetwork(folder, update, network);
  const text = JSON.stringify(update);
  // A spoke has no routers.
  const installsNone = /"DIVERTER":"netfoundry"|"HUB_SERVICE":/.test(text);
  if (!installsNone && !text.includes(sha256))
    throw new Error(`${folder} is packaged with another build of the diverter. Run npx serverless package again`);

  const begun = stacks.get(name) ?? (await deploy(name, create, {}, undefined, { tags }));
  const Bucket = begun.outputs.ServerlessDeploymentBucketName;
  for (const [Key, Body] of [...artefacts, [diverterKey, program] as const]) await s3.putObject({ Bucket, Key, Body });
  return deploy(name, update, {}, begun, { tags });
}

/** `serverless/SERVICE/STAGE/TIME`: the only place that has the stage of the command line too. */
const state = z.object({
  package: z.object({ artifactDirectoryName: z.string() }),
  service: z.object({ provider: z.object({ stackTags: z.record(z.string(), z.string()).optional() }) }).optional(),
});
const code = z.object({ Code: z.object({ S3Key: z.string() }) });

function readPackage(folder: string) {
  const { package: packaged, service: described } = state.parse(
    JSON.parse(String(read(folder, 'serverless-state.json'))),
  );
  const { artifactDirectoryName } = packaged;
  const [root, service, stage] = artifactDirectoryName.split('/');
  const template = (step: string) => parseTemplate(String(read(folder, `cloudformation-template-${step}-stack.json`)));
  const update = template('update');
  const functions = Object.values(update.Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');
  const keys = functions.map(({ Properties }) => code.parse(Properties).Code.S3Key);
  return {
    name: `${service}-${stage}`,
    /** The framework tags a stack by its stage too. */
    tags: Object.entries({ STAGE: stage, ...described?.provider.stackTags }).map(([Key, Value]) => ({ Key, Value })),
    /** Everything that is uploaded for this stack has this in front of its name. */
    prefix: `${root}/${service}/${stage}`,
    /** Makes the deployment bucket, and nothing else. */
    create: template('create'),
    update,
    /** Deployment packages, by their key in the bucket. */
    artefacts: new Map(keys.map((key) => [key, read(folder, basename(key))])),
  };
}

function read(folder: string, name: string): Uint8Array {
  const path = join(folder, name);
  if (!existsSync(path))
    throw new Error(`there is no packaged stack in ${folder}: ${name} is missing. Run: npx serverless package`);
  return readFileSync(path);
}

/** A stack for another network would fail much later, and oddly. */
function refuseOtherNetwork(folder: string, template: Template, { vpcId, subnetIds, region }: NetworkParameters): void {
  const text = JSON.stringify(template);
  if (text.includes(vpcId) && text.includes(subnetIds)) return;
  const command = `npx serverless package --region ${region} --param vpcId=${vpcId} --param subnetIds=${subnetIds}`;
  throw new Error(`${folder} is packaged for another network. Run: ${command}`);
}
