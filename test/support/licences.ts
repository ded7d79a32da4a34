import { readFileSync } from 'node:fs';

/** package-lock.json says under what licence something is. */
export interface Locked {
  license?: string;
  /** Only building and testing need it, or more. */
  dev?: boolean;
}

/** SPDX identifies licences so. A package that is bundled into functions is given on: it may ask for nothing but its notice. */
const GIVEN_ON = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'MIT-0'];
/** Tests, the demo and tools run with these, which stay on the machine of who fetched them. */
const TOOLS = [...GIVEN_ON, 'BlueOak-1.0.0', 'CC-BY-3.0', 'CC-BY-4.0', 'CC0-1.0', 'MPL-2.0', 'PSF-2.0', 'Python-2.0'];
/** Tools that were looked at one by one: NOTICE says why they may be what they are. */
const LOOKED_AT: Readonly<Record<string, string>> = {
  '@cloud-copilot/iam-policy': 'AGPL-3.0-or-later',
  '@cloud-copilot/iam-simulate': 'AGPL-3.0-or-later',
  '@cloud-copilot/iam-utils': 'AGPL-3.0-or-later',
  // Its package.json has the older field `licenses`, which says MIT.
  exit: 'none',
};

/** Packages, by their path in node_modules, have these wrong about their licences; a sentence each. */
export function objections(packages: Readonly<Record<string, Locked>>): string[] {
  return Object.entries(packages).flatMap(([path, { license = 'none', dev = false }]) => {
    if (path === '') return [];
    const name = path.split('node_modules/').at(-1) ?? path;
    const choices = license.replace(/^\((.*)\)$/, '$1').split(' OR ');
    const allowed = dev ? TOOLS : GIVEN_ON;
    if (choices.some((choice) => allowed.includes(choice)) || (dev && LOOKED_AT[name] === license)) return [];
    return [`${name} is under ${license}, which is not among those allowed for ${dev ? 'tools' : 'what is deployed'}`];
  });
}

if (import.meta.main) {
  const { packages } = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'));
  const found = objections(packages);
  for (const sentence of found) console.error(sentence);
  if (found.length > 0) process.exitCode = 1;
}
