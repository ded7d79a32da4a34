import { readFileSync } from 'node:fs';

/** The SSM document has install.sh as its script. The framework would take what the shell writes as `${…}` for variables of its own. */
export const script = () => readFileSync(new URL('install.sh', import.meta.url), 'utf8').replaceAll('${', '\\${');
