import { Script } from 'node:vm';
import jestRuntime from 'jest-runtime';

/** By path: the names that a CommonJS file exports. A worker's suites have them in common. */
const exported = new Map();

/** What loads the modules of a suite, each suite its own: a third of what most of them take, and half of that was not needed. */
export default class Runtime extends jestRuntime.default {
  #modules = new Map();

  /** Node makes one module of a CommonJS file. Jest makes one for each file that imports it, with all its names: thousands of an SDK client. */
  loadCjsAsEsm(from, path, context) {
    const module = this.#modules.get(path) ?? super.loadCjsAsEsm(from, path, context);
    this.#modules.set(path, module);
    return module;
  }

  /** Jest reads the names anew for each suite, from the text of all files that one exports again. */
  getExportsOfCjs(path) {
    const names = exported.get(path) ?? super.getExportsOfCjs(path);
    exported.set(path, names);
    return names;
  }

  /** V8 compiles a script once that comes again, but not one that may import, by a function of this suite. */
  createScriptFromCode(source, path) {
    if (!path.includes('/node_modules/') || /\bimport\(/.test(source)) return super.createScriptFromCode(source, path);
    return new Script(this.wrapCodeInModuleWrapper(source), { filename: path });
  }
}
