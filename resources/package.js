import { bundle, handlers } from './bundle.js';
import { bundleSbom } from './sbom.js';

/**
 * Bundles a service's functions, and has the framework zip each. Told which file it is, the framework looks for none: it would go through
 * the whole folder, node_modules too, for each function.
 * @param serverless the framework
 * @param {string} sbom path of the file that says what is bundled
 */
export async function packageFunctions({ serviceDir, service, pluginManager }, sbom) {
  await bundle(serviceDir, handlers(service), { plugins: [bundleSbom(sbom)] });
  const packager = pluginManager.plugins.find(({ zipFiles }) => zipFiles);
  for (const [name, declared] of Object.entries(service.functions)) {
    const file = declared.handler.replace(/\.handler$/, '.mjs');
    declared.package = { artifact: await packager.zipFiles([file], `${name}.zip`) };
  }
}
