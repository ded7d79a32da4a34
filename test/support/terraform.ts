import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { read } from './documents.ts';

export const TERRAFORM = '1.11.4';
export const PROVIDER = '5.100.0';

/** The folder of its providers. */
export const plugins = process.env.TF_PLUGINS ?? '/opt/tf-plugins';

/** Terraform and its provider are in no registry of packages: why they cannot be asked on this machine, if they cannot. */
export function terraformUnavailable(): string | undefined {
  const env = { ...process.env, CHECKPOINT_DISABLE: '1' };
  if (!existsSync(plugins)) return 'there is no folder of providers: TF_PLUGINS';
  try {
    const { terraform_version: there } = JSON.parse(String(execFileSync('terraform', ['version', '-json'], { env })));
    return there === TERRAFORM ? undefined : `Terraform on the PATH is ${there}, not ${TERRAFORM}`;
  } catch {
    return 'there is no Terraform on the PATH';
  }
}

/** What leads the provider to a cloud on this machine. */
export const provider = (
  url: string,
  services: readonly string[],
  { accessKeyId, secretAccessKey }: { accessKeyId: string; secretAccessKey: string },
) => `
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "${PROVIDER}"
    }
  }
}
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "${accessKeyId}"
  secret_key                  = "${secretAccessKey}"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  s3_use_path_style           = true
  endpoints {
${services.map((service) => `    ${service} = "${url}"`).join('\n')}
  }
}
`;

/** The stack's resource as the documents have it, with expressions in place of the network that they name. */
export const stackResource = (vpcId: string, subnetIds: string) =>
  (/```hcl\n(resource "aws_cloudformation_stack"[\s\S]*?)```/.exec(read('docs/deploying.md'))?.[1] ?? '')
    .replace('"vpc-0123456789abcdef0"', vpcId)
    .replace(/"subnet-[^"]+"/, subnetIds);
