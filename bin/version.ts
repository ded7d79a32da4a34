import manifest from '../package.json' with { type: 'json' };

/** The version of ziti-glb: the diverter, the functions and their template have it from the same place. */
export const { version } = manifest;
