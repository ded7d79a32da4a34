import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const read = (name: string) => readFileSync(new URL(`../../resources/${name}`, import.meta.url), 'utf8');

/** Content of the document that is deployed, as the Serverless Framework puts it together. */
export function installDocument(): string {
  const { Content } = parse(read('install.yml')).Resources.InstallDocument.Properties;
  Content.mainSteps[0].inputs.runCommand = [read('install.sh')];
  return JSON.stringify(Content);
}
