import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { bundle } from './bundle.js';
import { checkDiverter, packages } from './diverter.js';
import { checkParameters, checkStage } from './parameters.js';
import { refuseRemovalInUse } from './removal.js';
import { functionsSbom, writeDiverterSboms } from './sbom.js';

/** What `serverless package`, `deploy` and `remove` do beyond the framework. */
export default class ZitiGlbPlugin {
  constructor(serverless) {
    this.hooks = {
      'before:package:cleanup': () => check(serverless),
      'before:package:createDeploymentArtifacts': () => createArtifacts(serverless),
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

function check(serverless) {
  const { params } = serverless.configurationInput;
  const provider = serverless.getProvider('aws');
  const given = serverless.processedInput.options.param ?? [];
  const all = { ...params.default, ...params[provider.getStage()], ...Object.fromEntries(given.map(pair)) };
  try {
    checkStage(provider.getStage());
    checkParameters(all, { region: provider.getRegion(), defaults: params.default });
  } catch (error) {
    throw new serverless.classes.Error(error.message, 'INVALID_PARAMETER');
  }
  try {
    checkDiverter();
  } catch (error) {
    throw new serverless.classes.Error(error.message, 'DIVERTER_NOT_BUILT');
  }
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
  const provider = serverless.getProvider('aws');
  const s3 = new S3Client(await provider.getAwsSdkV3Config());
  const Bucket = await provider.getServerlessDeploymentBucketName();
  // Stored under its content's name, so a command sent before an upgrade still finds what it was told to install.
  for (const { path, sha256 } of packages()) {
    const Key = `${serverless.service.custom.artefacts}/diverter/${sha256}`;
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: createReadStream(path) }));
  }
}
