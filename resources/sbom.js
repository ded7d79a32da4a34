import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cyclonedxEsbuildPlugin } from '@cyclonedx/cyclonedx-esbuild';
import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import { PackageURL } from 'packageurl-js';
import { packages } from './diverter.js';

/** Debian's `Static-Built-Using` names sources, with their exact versions. */
const BUILT_USING = /(\S+) \(= (\S+)\)/g;

/**
 * An esbuild plugin writes which packages ended in the functions' bundles, as CycloneDX has it. The same build
 * writes the same file, whose validity has a test: to compile CycloneDX's schema takes longer than to bundle.
 * @param {string} outputFile an absolute path
 */
export const bundleSbom = (outputFile) =>
  cyclonedxEsbuildPlugin({ outputFile, outputReproducible: true, validate: false, logLevel: 'silent' });

/** Writes, for each package of the diverter, `FOLDER/PACKAGE.cdx.json`: the sources that are linked into it statically. */
export function writeDiverterSboms(folder) {
  mkdirSync(folder, { recursive: true });
  for (const { path, sha256 } of packages()) {
    const text = serializer.serialize(diverterBom(path, sha256), { sortLists: true, space: 2 });
    writeFileSync(join(folder, basename(path).replace(/deb$/, 'cdx.json')), text);
  }
}

const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));

function diverterBom(path, sha256) {
  const [name, version] = basename(path).split('_');
  const root = new Models.Component(Enums.ComponentType.Application, name, { bomRef: name, version });
  root.hashes.set(Enums.HashAlgorithm['SHA-256'], sha256);
  const bom = new Models.Bom({ metadata: new Models.Metadata({ component: root }) });
  for (const [, source, of] of readFileSync(path.replace(/deb$/, 'built-using'), 'utf8').matchAll(BUILT_USING)) {
    const purl = new PackageURL('deb', 'debian', source, of, { arch: 'source' }).toString();
    const library = new Models.Component(Enums.ComponentType.Library, source, { bomRef: purl, version: of, purl });
    bom.components.add(library);
    root.dependencies.add(library.bomRef);
  }
  return bom;
}
