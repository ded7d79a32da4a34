import { roleName } from '../iam/role.ts';

export interface LogsOptions {
  region: string;
  account: string;
  /** Resolves to true if IAM allows the role of this access key to do this. */
  allows(accessKeyId: string, action: string, resource: string): Promise<boolean>;
  onLog(source: string, line: string): void;
}

export type Logs = ReturnType<typeof createLogs>;

/** CloudWatch Logs, as far as functions write there. Lines are handed to the box's owner; none are kept. */
export function createLogs({ region, account, allows, onLog }: LogsOptions) {
  const groups = new Set<string>();
  const told = new Set<string>();
  let last = Promise.resolve();

  /** Why a function's lines do not arrive; undefined if they do. Lambda itself writes them, with the function's role. */
  async function obstacle(group: string, roleArn: string): Promise<string | undefined> {
    if (!groups.has(group)) return `there is no log group ${group}`;
    const arn = `arn:aws:logs:${region}:${account}:log-group:${group}:log-stream:latest`;
    for (const action of ['logs:CreateLogStream', 'logs:PutLogEvents'])
      if (!(await allows(roleName(roleArn), action, arn))) return `its role does not allow ${action} on ${arn}`;
    return undefined;
  }

  return {
    createGroup(name: string): void {
      if (groups.has(name)) throw new Error(`ResourceAlreadyExistsException: The log group ${name} already exists`);
      groups.add(name);
    },
    removeGroup: (name: string) => void groups.delete(name),

    /** Writes a line of a function, after those it has written before. */
    write(functionName: string, line: string, roleArn: string): void {
      last = last.then(async () => {
        const why = await obstacle(`/aws/lambda/${functionName}`, roleArn).catch(String);
        if (why === undefined) onLog(functionName, line);
        else if (!told.has(functionName)) onLog('logs', `what ${functionName} says is lost: ${why}`);
        if (why !== undefined) told.add(functionName);
      });
    },

    /** Resolves when what was written has arrived. */
    close: (): Promise<void> => last,
  };
}
