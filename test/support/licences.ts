import { readFileSync } from 'node:fs';

/** Of package-lock.json, as far as it says under what licence something is. */
export interface Locked {
  license?: string;
  /** Whether only building and testing need it. */
  dev?: boolean;
}

/** SPDX identifiers. What is bundled into functions is given on: it may ask for nothing but its notice. */
const GIVEN_ON = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'MIT-0'];
/** What tests, the demo and tools run with stays on the machine of who fetched it. */
const TOOLS = [...GIVEN_ON, 'BlueOak-1.0.0', 'CC-BY-3.0', 'CC-BY-4.0', 'CC0-1.0', 'MPL-2.0', 'PSF-2.0', 'Python-2.0'];
/** Tools that were looked at one by one: NOTICE says why they may be what they are. */
const LOOKED_AT: Readonly<Record<string, string>> = {
  '@cloud-copilot/iam-policy': 'AGPL-3.0-or-later',
  '@cloud-copilot/iam-simulate': 'AGPL-3.0-or-later',
  '@cloud-copilot/iam-utils': 'AGPL-3.0-or-later',
  // Its package.json has the older field `licenses`, which says MIT.
  exit: 'none',
};

/** What is wrong about the licences of packages, by their path in node_modules; a sentence each. */
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
