/** A template's metadata has under this name what the stack was deployed with. */
export const METADATA = 'ziti-glb';

/**
 * Refuses a deployment that forgets parameters: the stack had them, nobody gives them any more, and they would have another value unasked.
 * @param {Record<string, unknown>} deployed by name, those that were given then
 * @param {Record<string, unknown>} given by name, those that are given now
 * @param {Record<string, unknown>} defaults by name, of all
 * @throws Error of one sentence if there are any
 */
export function checkForgotten(deployed, given, defaults) {
  const lost = Object.entries(deployed).filter(
    ([name, value]) => name in defaults && !(name in given) && `${value}` !== `${defaults[name]}`,
  );
  if (lost.length === 0) return;
  const again = lost.map(([name, value]) => `--param ${name}=${quoted(value)}`).join(' ');
  const reset = lost.map(([name]) => `--param ${name}=${quoted(defaults[name])}`).join(' ');
  throw new Error(
    `The stack was deployed with parameters that are not given now, and would silently get their defaults again. Give them as they were: ${again}; or say that they are to be reset: ${reset}`,
  );
}

/** A shell takes the value so. The framework takes an empty one only as a space. */
const quoted = (value) => (/^[\w.:/=+@,-]+$/.test(value) ? value : `'${`${value}`.replaceAll("'", "'\\''") || ' '}'`);

/**
 * Resolves to what a stack was deployed with; nothing if there is no such stack, or it is of an earlier version.
 * @param {import('@aws-sdk/client-cloudformation').CloudFormationClientConfig} configuration
 * @param {string} stack
 * @returns {Promise<Record<string, unknown>>}
 */
export async function deployedParameters(configuration, stack) {
  const { CloudFormationClient, GetTemplateSummaryCommand } = await import('@aws-sdk/client-cloudformation');
  const cloudFormation = new CloudFormationClient(configuration);
  try {
    const { Metadata } = await cloudFormation.send(new GetTemplateSummaryCommand({ StackName: stack }));
    return JSON.parse(Metadata ?? '{}')[METADATA]?.parameters ?? {};
  } catch (error) {
    if (/does not exist/.test(error.message)) return {};
    throw error;
  } finally {
    cloudFormation.destroy();
  }
}
