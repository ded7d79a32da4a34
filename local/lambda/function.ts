/** A function is deployed as this. */
export interface FunctionConfiguration {
  name: string;
  arn: string;
  /** Deployment package, a zip file. */
  code: Uint8Array;
  handler: string;
  runtime: string;
  roleArn: string;
  /** MB. */
  memorySize: number;
  /** Seconds of the cloud's time. */
  timeout: number;
  variables: Record<string, string>;
  reservedConcurrency?: number;
}
