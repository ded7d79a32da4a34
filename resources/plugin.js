import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { decided } from './decided.js';
import { checkDiverter, packages } from './diverter.js';
import { explained } from './failed-deployment.js';
import { checkForgotten, deployedParameters, METADATA } from './forgotten.js';
import { packageFunctions } from './package.js';
import { checkParameters, checkRegion, checkSpoke, checkStage, givenParameters } from './parameters.js';
import { writeDiverterSboms } from './sbom.js';
import { checkWords } from './words.js';

/** `serverless package`, `deploy` and `remove` do this beyond the framework. Clients of AWS are loaded where they are used: packaging asks none. */
export default class ZitiGlbPlugin {
  constructor(serverless) {
    const { options, commandSchema } = serverless.processedInput;
    // A command that there is not is refused by the framework itself.
    if (commandSchema)
      refused(serverless, 'INVALID_PARAMETER', () => checkWords(process.argv.slice(2), commandSchema.options));
    refused(serverless, 'INVALID_PARAMETER', () => givenParameters(options.param ?? []));
    this.hooks = {
      'before:package:cleanup': () => check(serverless),
      'before:package:createDeploymentArtifacts': () => createArtifacts(serverless),
      'after:aws:package:finalize:mergeCustomProviderResources': () => decide(serverless),
      error: (error) => {
        error.message = explained(error.message);
      },
      'after:aws:deploy:deploy:uploadArtifacts': () => uploadDiverter(serverless),
      'before:remove:remove': () => checkRemoval(serverless),
    };
  }
}

async function createArtifacts(serverless) {
  const folder = join(serverless.serviceDir, '.serverless/sbom');
  await packageFunctions(serverless, join(folder, 'functions.cdx.json'));
  if (!isSpoke(serverless.service)) writeDiverterSboms(folder);
}

/** A service is a spoke's, spoke.yml, or not: a spoke has no routers. */
const isSpoke = ({ service }) => service === 'ziti-glb-spoke';

/** The command line gives parameters, by name, else serverless.yml for this stage. */
function givenTo(serverless) {
  const { params } = serverless.configurationInput;
  const given = givenParameters(serverless.processedInput.options.param ?? []);
  const stage = serverless.getProvider('aws').getStage();
  return { ...params[stage], ...Object.fromEntries(given) };
}

/** Parameters that are not given have their defaults. */
const parametersOf = (serverless) => ({ ...serverless.configurationInput.params.default, ...givenTo(serverless) });

async function check(serverless) {
  const provider = serverless.getProvider('aws');
  const defaults = serverless.configurationInput.params.default;
  const all = parametersOf(serverless);
  const spoke = isSpoke(serverless.service);
  refused(serverless, 'INVALID_PARAMETER', () => checkRegion(serverless.processedInput.options));
  const deploys = serverless.processedInput.commands[0] === 'deploy';
  const account = spoke && deploys ? await provider.getAccountId() : undefined;
  refused(serverless, 'INVALID_PARAMETER', () => {
    checkStage(provider.getStage(), serverless.service.service);
    const region = provider.getRegion();
    if (spoke) checkSpoke(all, { region, account });
    else checkParameters(all, { region, defaults });
  });
  try {
    if (all.diverter === 'own') checkDiverter();
  } catch (error) {
    throw new serverless.classes.Error(error.message, 'DIVERTER_NOT_BUILT');
  }
  if (deploys) await checkDeployed(serverless, givenTo(serverless), defaults);
}

/** The template says what it was made with, for the next deployment to know. */
function decide(serverless) {
  const { provider, custom } = serverless.service;
  const { Metadata, ...template } = decided(provider.compiledCloudFormationTemplate);
  const own = { version: custom.version, parameters: givenTo(serverless) };
  provider.compiledCloudFormationTemplate = { ...template, Metadata: { ...Metadata, [METADATA]: own } };
}

async function checkDeployed(serverless, given, defaults) {
  const provider = serverless.getProvider('aws');
  const deployed = await deployedParameters(await provider.getAwsSdkV3Config(), provider.naming.getStackName());
  refused(serverless, 'PARAMETER_FORGOTTEN', () => checkForgotten(deployed, given, defaults));
}

/** sysexits.h has EX_USAGE, as has the command `ziti-glb`: the framework has 1 for whatever goes wrong. */
const USAGE = 64;

/** Runs a check of what was typed. @throws the framework's error, for which the process exits with USAGE */
function refused({ classes }, code, check) {
  try {
    return check();
  } catch (error) {
    process.once('exit', () => {
      process.exitCode = USAGE;
    });
    throw new classes.Error(error.message, code);
  }
}

async function checkRemoval(serverless) {
  refused(serverless, 'INVALID_PARAMETER', () => checkRegion(serverless.processedInput.options));
  const { refuseRemovalInUse } = await import('./removal.js');
  try {
    await refuseRemovalInUse(await serverless.getProvider('aws').getAwsSdkV3Config(), serverless.service.custom.stack);
  } catch (error) {
    throw new serverless.classes.Error(error.message, 'STACK_IN_USE');
  }
}

async function uploadDiverter(serverless) {
  if (parametersOf(serverless).diverter !== 'own') return;
  const { PutObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
  const provider = serverless.getProvider('aws');
  const s3 = new S3Client(await provider.getAwsSdkV3Config());
  const Bucket = await provider.getServerlessDeploymentBucketName();
  // S3 has a package under its content's name, so a command sent before an upgrade still finds what it was told to install.
  for (const { path, sha256 } of packages()) {
    const Key = `${serverless.service.custom.artefacts}/diverter/${sha256}`;
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: createReadStream(path) }));
  }
}
