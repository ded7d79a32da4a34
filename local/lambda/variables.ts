import type { AccessKey } from '../iam/keys.ts';
import type { FunctionConfiguration } from './function.ts';

/** Names that only Lambda may set: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html */
const RESERVED =
  /^(_HANDLER|_X_AMZN_TRACE_ID|AWS_(DEFAULT_)?REGION|AWS_EXECUTION_ENV|AWS_LAMBDA_.*|AWS_ACCESS_KEY(_ID)?|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|LAMBDA_TASK_ROOT|LAMBDA_RUNTIME_DIR)$/;
/** Of all variables together, their names and what JSON puts around them. */
export const LARGEST_BYTES = 4096;

export function refuseReservedVariables(functionName: string, variables: Record<string, string>): void {
  const reserved = Object.keys(variables).filter((name) => RESERVED.test(name));
  if (reserved.length > 0) {
    throw new Error(
      `function ${functionName} sets environment variables that only Lambda may set: ${reserved.join(', ')}`,
    );
  }
  const bytes = Buffer.byteLength(JSON.stringify(variables));
  if (bytes > LARGEST_BYTES) {
    throw new Error(
      `function ${functionName} has ${bytes} bytes of environment variables; Lambda takes ${LARGEST_BYTES}`,
    );
  }
}

/** A function's process has this whole environment. Nothing of this machine's own goes in. */
export function functionVariables(
  { name, handler, runtime, memorySize, variables }: FunctionConfiguration,
  place: { region: string; endpoints: Record<string, string>; taskRoot: string; key: AccessKey },
): Record<string, string> {
  return {
    ...variables,
    ...place.endpoints,
    AWS_REGION: place.region,
    AWS_DEFAULT_REGION: place.region,
    AWS_EXECUTION_ENV: `AWS_Lambda_${runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: `${memorySize}`,
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: '[$LATEST]',
    AWS_ACCESS_KEY_ID: place.key.accessKeyId,
    AWS_SECRET_ACCESS_KEY: place.key.secretAccessKey,
    AWS_SESSION_TOKEN: place.key.sessionToken ?? '',
    LAMBDA_TASK_ROOT: place.taskRoot,
    _HANDLER: handler,
    HOME: place.taskRoot,
    TZ: 'UTC',
  };
}
