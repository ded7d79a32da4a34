import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { bundle } from './bundle.js';
import { decided } from './decided.js';
import { checkDiverter, packages } from './diverter.js';
import { checkParameters, checkStage } from './parameters.js';
import { explained } from './refusals.js';
import { refuseRemovalInUse } from './removal.js';
import { functionsSbom, writeDiverterSboms } from './sbom.js';

/** What `serverless package`, `deploy` and `remove` do beyond the framework. */
export default class ZitiGlbPlugin {
  constructor(serverless) {
    this.hooks = {
      'before:package:cleanup': () => check(serverless),
      'before:package:createDeploymentArtifacts': () => createArtifacts(serverless),
      'after:aws:package:finalize:mergeCustomProviderResources': () => decide(serverless.service.provider),
      error: (error) => {
        error.message = explained(error.message);
      },
      'after:aws:deploy:deploy:uploadArtifacts': () => uploadDiverter(serverless),
      'before:remove:remove': () => checkRemoval(serverless),
    };
  }
}

async function createArtifacts({ serviceDir, service }) {
  const folder = join(serviceDir, '.serverless/sbom');
  await bundle(serviceDir, Object.keys(service.functions), {
    plugins: [functionsSbom(join(folder, 'functions.cdx.json'))],
  });
  writeDiverterSboms(folder);
}

/** By name: what the command line has, else serverless.yml. */
function parametersOf(serverless) {
  const { params } = serverless.configurationInput;
  const given = serverless.processedInput.options.param ?? [];
  const stage = serverless.getProvider('aws').getStage();
  return { ...params.default, ...params[stage], ...Object.fromEntries(given.map(pair)) };
}

function check(serverless) {
  const provider = serverless.getProvider('aws');
  const defaults = serverless.configurationInput.params.default;
  const all = parametersOf(serverless);
  try {
    checkStage(provider.getStage());
    checkParameters(all, { region: provider.getRegion(), defaults });
  } catch (error) {
    throw new serverless.classes.Error(error.message, 'INVALID_PARAMETER');
  }
  try {
    if (all.diverter === 'own') checkDiverter();
  } catch (error) {
    throw new serverless.classes.Error(error.message, 'DIVERTER_NOT_BUILT');
  }
}

function decide(provider) {
  provider.compiledCloudFormationTemplate = decided(provider.compiledCloudFormationTemplate);
}

function pair(nameAndValue) {
  const [name, ...value] = nameAndValue.split('=');
  return [name, value.join('=').trimEnd()];
}

async function checkRemoval(serverless) {
  try {
    await refuseRemovalInUse(await serverless.getProvider('aws').getAwsSdkV3Config(), serverless.service.custom.stack);
  } catch (error) {
    throw new serverless.classes.Error(error.message, 'STACK_IN_USE');
  }
}

async function uploadDiverter(serverless) {
  if (parametersOf(serverless).diverter !== 'own') return;
  const provider = serverless.getProvider('aws');
  const s3 = new S3Client(await provider.getAwsSdkV3Config());
  const Bucket = await provider.getServerlessDeploymentBucketName();
  // Stored under its content's name, so a command sent before an upgrade still finds what it was told to install.
  for (const { path, sha256 } of packages()) {
    const Key = `${serverless.service.custom.artefacts}/diverter/${sha256}`;
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: createReadStream(path) }));
  }
}
