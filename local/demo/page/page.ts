import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Box } from '../../box.ts';
import { servePage } from './server.ts';

/** Serves the picture of a box, drawn by the function that is deployed in it. @param log what its functions said, a line each */
export async function pageOf({ endpoint, credentials, region, stack }: Box, log: readonly string[]) {
  const lambda = new LambdaClient({ endpoint, region, credentials });
  const FunctionName = String(stack.resources.get('TopologyLambdaFunction')?.made.ref);
  const page = await servePage({
    async widget(event) {
      const { Payload, FunctionError } = await lambda.send(
        new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) }),
      );
      const answer = JSON.parse(new TextDecoder().decode(Payload));
      if (FunctionError) throw new Error(answer.errorMessage);
      return answer;
    },
    log: (id) => log.filter((line) => line.includes(id)),
  });
  return {
    url: page.url,
    async close() {
      await page.close();
      lambda.destroy();
    },
  };
}
