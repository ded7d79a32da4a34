/**
 * Types of an AWS service as a server sees it, derived from the SDK's client module:
 * `Operations<typeof import('@aws-sdk/client-ec2')>` has a function for `CreateRoute`, `DescribeSubnets`, and so on.
 */
export type Operations<Sdk> = {
  [Name in keyof Sdk as Name extends `${infer Operation}Command` ? Operation : never]?: Operation<Sdk[Name]>;
};

type Operation<Command> = Command extends {
  prototype: { input: infer Input; resolveMiddleware: Resolve<infer Output> };
}
  ? (input: Received<Input>, call: Call) => Sent<Output> | Promise<Sent<Output>>
  : never;

type Resolve<Output> = (...args: never) => (...args: never) => Promise<{ output: Output }>;

/** Members that the service requires are there: the wire has refused the request otherwise. */
export type Received<T> = T extends Date | Uint8Array | string
  ? T
  : T extends readonly (infer Item)[]
    ? Received<Item>[]
    : T extends object
      ? {
          [K in keyof T]: Record<never, never> extends Pick<T, K> ? Received<T[K]> : Received<Exclude<T[K], undefined>>;
        }
      : T;

type Sent<Output> = Omit<Output, '$metadata'>;

/** A caller asks for this operation, besides its input. */
export interface Call {
  /** Signing name: `ec2`, `elasticloadbalancing`, ... */
  service: string;
  operation: string;
  accessKeyId: string;
  /** ARN of the IAM identity that the access key belongs to. */
  principal: string;
  requestId: string;
}

/** The account of an ARN, twelve digits. */
export const accountOf = (arn: string) => arn.split(':')[4] ?? '';
