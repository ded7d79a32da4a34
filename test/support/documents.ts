import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const read = (path: string) => readFileSync(`${ROOT}${path}`, 'utf8');

/** Documents have their paths from the root here. */
export const documents: ReadonlyMap<string, string> = new Map(
  ['README.md', ...globSync('docs/*.md', { cwd: ROOT })].map((path) => [path, read(path)]),
);

/** A reader is to type these lines in a shell: those of fences marked `sh`, without their comments. */
export function commands(): { path: string; command: string }[] {
  return [...documents].flatMap(([path, text]) =>
    [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = '']) =>
      block
        .split('\n')
        .map((line) => line.replace(/ +#.*/, '').trim())
        .filter(Boolean)
        .map((command) => ({ path, command })),
    ),
  );
}
