import { join } from 'node:path';
import { packageFunctions } from '../resources/package.js';

/** `serverless package` does this for a plain template beyond the framework: its parameters are checked, and decided, when it is deployed. */
export default class PlainPlugin {
  constructor(serverless) {
    this.hooks = {
      'before:package:createDeploymentArtifacts': () =>
        packageFunctions(serverless, join(serverless.serviceDir, '.serverless/functions.cdx.json')),
    };
  }
}
