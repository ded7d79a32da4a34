import { explain as explainError, isDenied } from '../shared/aws/advice.ts';

/** IAM words it so: `User: ARN is not authorized to perform: ACTION on resource: ARN because …`. */
const WORDS = /(?:User: (\S+) is )?not authorized to perform:? ([\w-]+:\w+)(?: on resource: (\S+))?/;

/** AWS's code and words, and what they mean to the person who typed the command: who lacks which right, and whom to ask for it. */
export function explain(error: unknown, profile?: string): string {
  if (!(error instanceof Error)) return explainError(error);
  // That is for a person to settle elsewhere than for a function, whose role the stack gives it.
  if (isDenied(error)) return denied(error);
  if (error.name === 'CredentialsProviderError' && profile !== undefined)
    return `There are no credentials for the profile ${profile}: see that it stands in ~/.aws/config or ~/.aws/credentials (aws configure list-profiles), and sign in (aws sso login --profile ${profile}).`;
  const status = statusOfPage(error);
  if (status !== undefined)
    return `What answered is not AWS: it sends a page, with status ${status}. What to do: see what stands between, a proxy (HTTPS_PROXY) or another endpoint (AWS_ENDPOINT_URL), and sign in to the network of this machine.`;
  return explainError(error);
}

function denied(error: Error): string {
  const said = `${error.name}: ${error.message}`.replace(/[.\s]+$/, '');
  const [, who = 'Who asks', action = '', resource] = WORDS.exec(error.message) ?? [];
  if (action === '')
    return `${said}. What to do: ask who administers the account for the right to make this call, or give another --profile.`;
  const on = resource === undefined ? '' : ` on ${resource}`;
  const why = /explicit deny/i.test(error.message) ? ', and take away what denies it' : '';
  return `${said}. What to do: ${who} lacks ${action}${on}. Ask who administers the account to allow it${why}, or give another --profile.`;
}

/** The HTTP status of a page for browsers, as proxies answer: AWS has JSON or XML. The SDK keeps it beside its error. */
function statusOfPage(error: Error): number | undefined {
  const { statusCode, headers } = Object(Object(error).$response);
  return /html/i.test(Object(headers)['content-type'] ?? '') ? Number(statusCode) : undefined;
}
