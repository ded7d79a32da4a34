import { join } from 'node:path';
import { bundle, handlers } from '../resources/bundle.js';
import { bundleSbom } from '../resources/sbom.js';

/** What `serverless package` does for a plain template beyond the framework: parameters are checked, and decided, when it is deployed. */
export default class PlainPlugin {
  constructor({ serviceDir, service }) {
    this.hooks = {
      'before:package:createDeploymentArtifacts': () =>
        bundle(serviceDir, handlers(service), {
          plugins: [bundleSbom(join(serviceDir, '.serverless/functions.cdx.json'))],
        }),
    };
  }
}
