import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const read = (name: string) => readFileSync(new URL(`../../resources/${name}`, import.meta.url), 'utf8');

/**
 * The Serverless Framework and CloudFormation put the content of the document together so: for a bucket `artefacts`
 * with the packages right below `diverter`, whatever these are.
 */
export function installDocument(): string {
  const { Content } = parse(read('install.yml')).Resources.InstallDocument.Properties;
  const { Url, Sha256 } = Content.parameters;
  Url.allowedPattern = Url.allowedPattern['Fn::Sub']
    .replaceAll(/\$\{ServerlessDeploymentBucket\}/g, 'artefacts')
    .replaceAll(/\$\{AWS::Region\}/g, '[a-z0-9-]+')
    .replace(/\$\{self:custom\.artefacts\}\//, '');
  Sha256.allowedPattern = Sha256.allowedPattern.replace(/\$\{file\(resources\/diverter\.js\):hashes\}/, '[0-9a-f]{64}');
  Content.mainSteps[0].inputs.runCommand = [read('install.sh')];
  return JSON.stringify(Content);
}
