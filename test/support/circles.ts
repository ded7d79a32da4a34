import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A file, by its path from the root of the checkout, imports these. */
export type Imports = ReadonlyMap<string, readonly string[]>;

/**
 * Imports may make a circle among what stands side by side in a folder: its files, and its subfolders as a whole. What is
 * below may be used by what is beside it, or the other way round, not both; so the tree can be read from one end.
 * @returns a sentence each, with the imports that close it
 */
export function circles(imports: Imports): string[] {
  const folders = new Map<string, Map<string, Map<string, string>>>();
  for (const [from, all] of imports) {
    for (const to of all) {
      const [a, b] = [from.split('/'), to.split('/')];
      const depth = a.findIndex((name, index) => name !== b[index]);
      const [folder, one = '', other = ''] = [a.slice(0, depth).join('/') || '.', a[depth], b[depth]];
      if (depth < 0) continue;
      const entries = getOr(folders, folder, () => new Map<string, Map<string, string>>());
      getOr(entries, one, () => new Map<string, string>()).set(other, `${from} imports ${to}`);
    }
  }
  return [...folders].flatMap(([folder, entries]) => {
    const found = circleOf(entries);
    return found ? [`${folder}: a circle of imports: ${found.join(', ')}`] : [];
  });
}

/**
 * The cloud in a box imports nothing from outside it, or a sentence tells each: it stands in for AWS, and what it had of the functions' code
 * would be wrong in both alike, unseen. The demo, which is an operator's, may.
 */
export function leanings(imports: Imports): string[] {
  return [...imports].flatMap(([from, all]) =>
    from.startsWith('local/') && !from.startsWith('local/demo/')
      ? all.filter((to) => !to.startsWith('local/')).map((to) => `${from} imports ${to}, which is not of the box`)
      : [],
  );
}

/** Returns the imports of one circle, in order; undefined if there is none. */
function circleOf(entries: ReadonlyMap<string, ReadonlyMap<string, string>>): string[] | undefined {
  const done = new Set<string>();
  const way: string[] = [];
  function visit(entry: string): string[] | undefined {
    const start = way.indexOf(entry);
    if (start >= 0) {
      const circle = [...way.slice(start), entry];
      return circle.slice(1).flatMap((to, index) => entries.get(circle[index] ?? '')?.get(to) ?? []);
    }
    if (done.has(entry)) return undefined;
    way.push(entry);
    for (const next of entries.get(entry)?.keys() ?? []) {
      const found = visit(next);
      if (found) return found;
    }
    way.pop();
    done.add(entry);
    return undefined;
  }
  for (const entry of entries.keys()) {
    const found = visit(entry);
    if (found) return found;
  }
  return undefined;
}

/** Each file imports these of this checkout, types too. */
export function importsOf(files: readonly string[], read: (file: string) => string): Imports {
  return new Map(
    files.map((file) => [
      file,
      [...read(file).matchAll(/^(?:(?:import|export)\b[^;]*?from|import) '(\.[^']+)'/gm)].map(([, to = '']) =>
        join(dirname(file), to),
      ),
    ]),
  );
}

function getOr<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

if (import.meta.main) {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', '*.js']);
  const files = String(listed)
    .split('\n')
    .filter((file) => file && !file.startsWith('test/') && existsSync(file));
  const imports = importsOf(files, (file) => readFileSync(file, 'utf8'));
  const found = [...circles(imports), ...leanings(imports)];
  for (const sentence of found) console.error(sentence);
  if (found.length > 0) process.exitCode = 1;
}
