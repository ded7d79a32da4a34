import { join } from 'node:path';
import { packageFunctions } from '../resources/package.js';

/** What `serverless package` does for a plain template beyond the framework: parameters are checked, and decided, when it is deployed. */
export default class PlainPlugin {
  constructor(serverless) {
    this.hooks = {
      'before:package:createDeploymentArtifacts': () =>
        packageFunctions(serverless, join(serverless.serviceDir, '.serverless/functions.cdx.json')),
    };
  }
}
