import { readFileSync } from 'node:fs';

/** What install.sh says. The framework would take what the shell writes as `${…}` for variables of its own. */
export const script = () => readFileSync(new URL('install.sh', import.meta.url), 'utf8').replaceAll('${', '\\${');
