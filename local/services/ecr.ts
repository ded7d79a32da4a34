import type { RawService } from '../wire/wire.ts';

/** ECR has no repository here: `serverless remove` asks whether its stack has one. */
export function imagesService(): RawService {
  const failure = (status: number, type: string, message: string) => ({
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify({ __type: type, message }),
  });
  return {
    kind: 'raw',
    protocol: 'awsJson1_1',
    handle: async () => failure(400, 'RepositoryNotFoundException', 'The registry has no repository.'),
    fail: ({ status, code, message }) => failure(status, code, message),
  };
}
